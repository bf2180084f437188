package cloud

// Permission is something that a command or a function has to be allowed.
type Permission struct {
	Who     string // "diffy verify", or a function's step
	Does    string // what for
	Action  string // in IAM's words
	On      string // ARN of an example of what it is on; empty: IAM knows no resource for it
	Records string // partition key of an example of its records; empty: none
	Via     string // the service through which the key is used; empty: it is no use of the key
}

// CommandPermissions are those of each command that speaks to AWS, in the order of
// commands. The key's ARN may be empty: then what uses it is left out.
func CommandPermissions(cfg Config, key string) []Permission {
	return permissions(peopleNeeds, cfg, key)
}

// FunctionPermissions are those without which a function fails a run.
func FunctionPermissions(cfg Config, key string) []Permission {
	return permissions(functionNeeds, cfg, key)
}

func permissions(all []needs, cfg Config, key string) []Permission {
	n := namesOf(cfg, key)
	var out []Permission
	for _, who := range all {
		for _, what := range who.what {
			p := Permission{Who: who.who, Does: what.does, Action: what.action, Records: what.records, Via: what.via}
			if what.on != nil {
				p.On = what.on(n)
			}
			if what.via == "" || key != "" {
				out = append(out, p)
			}
		}
	}
	return out
}

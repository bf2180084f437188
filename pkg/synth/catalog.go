package synth

import (
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The catalog describes software: what a package brings to a host, one
// directive a line. "= name" begins one. Before a directive may stand
// conditions: deb, rpm, ubu (the distribution), new (the newer release only),
// ~NN (in NN of 100 fleets). $words are filled in for each host.
//
//	pkg NAME…                            packages; files belong to the first
//	bin PATH [MODE [GROUP]]              a program: its hash follows the version
//	file PATH [MODE]                     a configuration file
//	user NAME UID GID HOME SHELL [TEXT]  an account; ids 900–999 are given out in order
//	unit ID SUB STATE USER TEXT          a systemd unit; - for none
//	cron PATH M H D M W COMMAND          an entry; in /etc its first word is the user
//	proc UNIT USER PATH CWD COMMANDLINE  a process below the service manager
//	child N USER PATH CWD COMMANDLINE    N processes below the last proc
//	listen PROTOCOL ADDRESS PORT         * is both families, 0 and :: one, own the host's
//	dial WHOM PORT [N]                   up to N connections to vpc:, pool:, peer, leader
//	accept PORT WHOM N                   up to N connections from lb, internet, peer, vpc:
//	uses, raw, env, tmpmap, mount, mod, sysctl, iptables, container, backend, replica, py
//
//go:embed data/*.txt
var data embed.FS

type directive struct {
	word    string
	args    []string
	line    int
	chance  int // of 100 fleets
	newer   bool
	systems []string
}

type software struct {
	name       string
	directives []directive
}

// sections are the catalog's files; debian and amazon hold alternatives of the
// same names.
var sections = sync.OnceValue(func() map[string]map[string]*software {
	out := map[string]map[string]*software{}
	for _, name := range []string{"common", "systemd", "debian", "amazon", "roles"} {
		text, err := data.ReadFile("data/" + name + ".txt")
		if err != nil {
			panic(err) // embedded at build time
		}
		out[name] = parseCatalog(string(text))
	}
	return out
})

func parseCatalog(text string) map[string]*software {
	out := map[string]*software{}
	var s *software
	for i, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#" || strings.HasPrefix(words[0], "#"):
		case words[0] == "=":
			s = &software{name: words[1]}
			out[s.name] = s
		default:
			s.directives = append(s.directives, parseDirective(words, i))
		}
	}
	return out
}

func parseDirective(words []string, line int) directive {
	d := directive{line: line, chance: 100}
	for ; ; words = words[1:] {
		switch w := words[0]; {
		case w == "deb" || w == "rpm" || w == "ubu":
			d.systems = append(d.systems, w)
		case w == "new":
			d.newer = true
		case w[0] == '~':
			n, err := strconv.Atoi(w[1:])
			if err != nil {
				panic(fmt.Sprintf("catalog line %d: %q", line+1, w))
			}
			d.chance = n
		default:
			d.word, d.args = w, words[1:]
			return d
		}
	}
}

// arg returns argument i, or "" where the line has fewer.
func (d directive) arg(i int) string {
	if i < len(d.args) {
		return d.args[i]
	}
	return ""
}

// rest returns the arguments from i on as one text.
func (d directive) rest(i int) string {
	if i >= len(d.args) {
		return ""
	}
	return strings.Join(d.args[i:], " ")
}

// find looks a name up in the sections that a distribution may use.
func (s *system) find(name string) *software {
	for _, section := range []string{s.base, "systemd", "common", "roles"} {
		if found := sections()[section][name]; found != nil {
			return found
		}
	}
	panic("catalog has no software " + name)
}

func (s *system) holds(d directive) bool {
	for _, want := range d.systems {
		if !slices.Contains(s.conditions, want) {
			return false
		}
	}
	return true
}

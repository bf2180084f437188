package trigger

import (
	"encoding/json"
	"strings"
)

// finding is the part of a GuardDuty finding that counts. Findings come in
// camelCase through EventBridge and in PascalCase from the API; encoding/json
// takes either for the same field.
type finding struct {
	AccountID string  `json:"accountId"`
	Region    string  `json:"region"`
	ID        string  `json:"id"`
	Type      string  `json:"type"`
	Title     string  `json:"title"`
	Severity  float64 `json:"severity"`
	UpdatedAt string  `json:"updatedAt"`
	Resource  struct {
		InstanceDetails struct {
			InstanceID string `json:"instanceId"`
		} `json:"instanceDetails"`
	} `json:"resource"`
	Service service `json:"service"`
}

type service struct {
	Archived       bool            `json:"archived"`
	EventLastSeen  string          `json:"eventLastSeen"`
	AdditionalInfo json.RawMessage `json:"additionalInfo"`
	Action         action          `json:"action"`
	RuntimeDetails runtimeDetails  `json:"runtimeDetails"`
	EBSVolumeScan  malwareScan     `json:"ebsVolumeScanDetails"`
	MalwareScan    malwareScan     `json:"malwareScanDetails"`
	Evidence       struct {
		Threats []struct {
			SHA256 string `json:"threatFileSha256"`
		} `json:"threatIntelligenceDetails"`
	} `json:"evidence"`
	Detection struct {
		Sequence sequence `json:"sequence"`
	} `json:"detection"`
}

// sequence is what an attack sequence is made of.
type sequence struct {
	Resources []resource `json:"resources"`
	Actors    []struct {
		Process struct {
			Path   string `json:"path"`
			SHA256 string `json:"sha256"`
		} `json:"process"`
	} `json:"actors"`
	Endpoints []struct {
		IP         string `json:"ip"`
		Domain     string `json:"domain"`
		Port       int    `json:"port"`
		Connection struct {
			Direction string `json:"direction"`
		} `json:"connection"`
	} `json:"endpoints"`
}

// resource is one of the things that an attack sequence involves.
type resource struct {
	UID       string `json:"uid"` // an ARN or an id
	Name      string `json:"name"`
	AccountID string `json:"accountId"`
	Region    string `json:"region"`
	Type      string `json:"resourceType"`
}

// sample reports whether GuardDuty made the finding up. The mark comes as
// additionalInfo.sample, or inside additionalInfo.value, which is JSON in a
// string; the titles of samples begin with it too.
func (f *finding) sample() bool {
	var info struct {
		Sample bool            `json:"sample"`
		Value  json.RawMessage `json:"value"`
	}
	if strings.HasPrefix(f.Title, "[SAMPLE]") {
		return true
	}
	if json.Unmarshal(f.Service.AdditionalInfo, &info) != nil {
		return false
	}
	if info.Sample {
		return true
	}
	inner := info.Value
	var text string
	if json.Unmarshal(inner, &text) == nil {
		inner = json.RawMessage(text)
	}
	var value struct {
		Sample bool `json:"sample"`
	}
	return json.Unmarshal(inner, &value) == nil && value.Sample
}

package snapshot

import (
	"path/filepath"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestHostsThatTakeAnothersName(t *testing.T) {
	begun := func(host string) string {
		return `{"name":"diffy_begin","hostIdentifier":"` + host + `","unixTime":5,"columns":{"format":"1","queries":""}}` + "\n" +
			`{"name":"diffy_end","hostIdentifier":"` + host + `","unixTime":5,"columns":{}}` + "\n"
	}
	tests := []struct {
		name  string
		files map[string]string
		want  map[string]string // host → file
	}{
		{
			"our own logs",
			map[string]string{"a.jsonl": begun("a"), "b.jsonl": begun("a")},
			map[string]string{"a": "a.jsonl", "b": "b.jsonl"},
		},
		{
			"logs of osqueryd",
			map[string]string{"a.jsonl": of("a"), "b.jsonl": of("a"), "c.jsonl": of("c")},
			map[string]string{"a": "a.jsonl", "b": "b.jsonl", "c": "c.jsonl"},
		},
		{
			"besides its own",
			map[string]string{"a.jsonl": of("a"), "b.jsonl": of("b") + of("a")},
			map[string]string{"a": "a.jsonl", "b": "b.jsonl", "b:a": "b.jsonl"},
		},
		{
			"a rotated log",
			map[string]string{"a.jsonl": of("a"), "a.old.jsonl": of("a")},
			map[string]string{"a": ""},
		},
		{
			"nobody else's",
			map[string]string{"a.jsonl": of("web-1"), "b.jsonl": of("web-2")},
			map[string]string{"web-1": "a.jsonl", "web-2": "b.jsonl"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := planted(t, test.files)
			units, _, err := Find([]string{root})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, u := range units {
				hosts, err := u.Read(Limits{})
				if err != nil {
					t.Fatal(err)
				}
				for _, h := range hosts {
					if got[h.Name] = ""; h.Source != root {
						got[h.Name] = filepath.Base(h.Source)
					}
					if own, lies := u.named.of(h.Source, h.Name); lies || own == "" {
						t.Errorf("%s still has the name %s", h.Source, h.Name)
					}
				}
			}
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("hosts and their files (-want +got):\n%s", diff)
			}
		})
	}
}

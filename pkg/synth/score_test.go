package synth

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"diffy/pkg/triage"
)

func TestScore(t *testing.T) {
	cron := Want{Query: "crontab", Kind: triage.Added, Match: map[string]string{"path": "/etc/cron.d/x"}}
	gone := Want{Query: "processes", Kind: triage.Missing, Match: map[string]string{"path": "/opt/agent"}}
	truth := &Truth{
		AttackedHosts: []string{"b"},
		Techniques: []Technique{
			{Host: "b", Technique: "cron-file", AnyOf: []Want{cron}, Rows: []Want{cron}},
			{Host: "b", Technique: "agent-killed", AnyOf: []Want{gone}, Rows: []Want{gone}},
		},
		Tolerated:   []Excuse{{Hosts: []string{"a"}, Rows: []Want{{Query: "open_sockets_remote", Kind: triage.Added, Like: map[string]string{"remote_address": `10\.0\.0\.\d+`}}}}},
		SideEffects: []Excuse{{Hosts: []string{"b"}, Rows: []Want{{Query: "persistence_files", Kind: triage.Added, Match: map[string]string{"path": "/etc/cron.d/x"}}}}},
	}
	finding := func(query string, kind triage.Kind, severity triage.Severity, column, value string, hosts ...string) triage.Finding {
		f := triage.Finding{Query: query, Kind: kind, Severity: severity, Hosts: hosts, Key: triage.Row{column: value}}
		if kind == triage.Missing {
			f.Expected = f.Key
		} else {
			f.Row = f.Key
		}
		return f
	}
	found := finding("crontab", triage.Added, triage.High, "path", "/etc/cron.d/x", "b")
	tests := []struct {
		name     string
		hosts    []string
		findings []triage.Finding
		want     Figures
	}{
		{
			"found, ranked first, side effect excused",
			[]string{"b", "a", "c"},
			[]triage.Finding{found, finding("persistence_files", triage.Changed, triage.Medium, "path", "/etc/cron.d/x", "b")},
			Figures{Found: 1, RowsFound: 1, Above: 2, Top: 1},
		},
		{
			"too quiet, ranked between",
			[]string{"a", "b", "c"},
			[]triage.Finding{finding("crontab", triage.Added, triage.Low, "path", "/etc/cron.d/x", "b")},
			Figures{Above: 1},
		},
		{
			"a changed row is added too, a missing one is found by what was expected",
			[]string{"b", "a", "c"},
			[]triage.Finding{finding("crontab", triage.Changed, triage.Medium, "path", "/etc/cron.d/x", "b"), finding("processes", triage.Missing, triage.Medium, "path", "/opt/agent", "b")},
			Figures{Found: 2, RowsFound: 2, Above: 2, Top: 1},
		},
		{
			"named for another host too",
			[]string{"b", "a", "c"},
			[]triage.Finding{finding("crontab", triage.Added, triage.High, "path", "/etc/cron.d/x", "b", "c")},
			Figures{Found: 1, RowsFound: 1, Above: 2, Top: 1, False: 1},
		},
		{
			"tolerated by pattern on that host only",
			[]string{"c", "a", "b"},
			[]triage.Finding{finding("open_sockets_remote", triage.Added, triage.Medium, "remote_address", "10.0.0.9", "a"), finding("open_sockets_remote", triage.Added, triage.Medium, "remote_address", "10.0.0.9", "c")},
			Figures{False: 1},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &triage.Result{Findings: test.findings}
			for _, h := range test.hosts {
				r.Hosts = append(r.Hosts, triage.HostResult{Host: h})
			}
			test.want.Fleets, test.want.Techniques, test.want.Rows, test.want.Pairs, test.want.Ranked = 1, 2, 2, 2, 1
			if diff := cmp.Diff(test.want, Score(truth, r), cmpopts.IgnoreFields(Figures{}, "Missed", "Mistaken", "ByAttack")); diff != "" {
				t.Errorf("figures (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFiguresAddUp(t *testing.T) {
	var sum Figures
	one := Figures{Fleets: 1, Techniques: 3, Found: 2, Rows: 5, RowsFound: 4, Pairs: 9, Above: 8, Ranked: 1, Top: 1, False: 2, Missed: []string{"m"}, Mistaken: []string{"f", "g"}, ByAttack: map[string]Tally{"x": {3, 2}}}
	sum.Add(one)
	sum.Add(one)
	want := Figures{Fleets: 2, Techniques: 6, Found: 4, Rows: 10, RowsFound: 8, Pairs: 18, Above: 16, Ranked: 2, Top: 2, False: 4, Missed: []string{"m", "m"}, Mistaken: []string{"f", "g", "f", "g"}, ByAttack: map[string]Tally{"x": {6, 4}}}
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Errorf("sum (-want +got):\n%s", diff)
	}
}

func TestLoosen(t *testing.T) {
	for value, want := range map[string]string{
		"10.77.0.11":       `[0-9a-fA-F]+\.[0-9a-fA-F]+\.[0-9a-fA-F]+\.[0-9a-fA-F]+`,
		"/usr/bin/node":    `/usr/bin/node`,
		"bad.service":      `bad\.service`,
		"run-r3fa9.timer":  `run-r[0-9a-fA-F]+\.timer`,
		"postgres(48122)?": `postgres\([0-9a-fA-F]+\)\?`,
	} {
		if got := loosen(value); got != want {
			t.Errorf("loosen(%q) = %s, want %s", value, got, want)
		}
	}
}

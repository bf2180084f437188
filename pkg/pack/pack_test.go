package pack

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func load(t testing.TB) *Pack {
	t.Helper()
	p, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func names(queries []*Query) []string {
	var list []string
	for _, q := range queries {
		list = append(list, q.Name)
	}
	return list
}

// Every query has a technique that it names, every technique a name.
func TestPackIsWhole(t *testing.T) {
	p := load(t)
	for _, q := range p.Queries {
		if len(q.Techniques) == 0 {
			t.Errorf("query %s names no technique", q.Name)
		}
		if p.Query(q.Name) != q {
			t.Errorf("query %s is not found by its name", q.Name)
		}
	}
	if q := p.Query("no_such_query"); q != nil {
		t.Errorf("found %v", q)
	}
}

func TestSelect(t *testing.T) {
	tiny := &Pack{Queries: []*Query{
		{Name: "a", Tier: TierCore},
		{Name: "b", Tier: TierSens},
		{Name: "c", Tier: TierExt},
		{Name: "d", Tier: TierExt, OnRequest: true},
		{Name: "e", Tier: TierCore},
	}}
	for _, test := range []struct {
		name  string
		tiers []string
		want  []string
	}{
		{"core is always in", nil, []string{"a", "e"}},
		{"a tier more", []string{TierCore, TierExt}, []string{"a", "c", "e"}},
		{"pack order, not that of the tiers", []string{TierSens, TierExt}, []string{"a", "b", "c", "e"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, names(tiny.Select(test.tiers))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFilterKeep(t *testing.T) {
	for _, test := range []struct {
		name   string
		filter Filter
		value  string
		want   bool
	}{
		{"one of the suffixes", Filter{Suffix: []string{".service", ".timer"}}, "cron.timer", true},
		{"none of the suffixes", Filter{Suffix: []string{".service", ".timer"}}, "dev-sda.device", false},
		{"a suffix that is out", Filter{NotSuffix: []string{".mount"}}, "-.mount", false},
		{"no suffix that is out", Filter{NotSuffix: []string{".mount"}}, "cron", true},
		{"equal", Filter{Equal: []string{"2", "10"}}, "10", true},
		{"not equal", Filter{Equal: []string{"2", "10"}}, "1", false},
		{"named as out", Filter{Not: []string{"", "::"}}, "", false},
		{"not named as out", Filter{Not: []string{"", "::"}}, "192.0.2.1", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.filter.Keep(test.value); got != test.want {
				t.Errorf("Keep(%q) = %v", test.value, got)
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		load(b)
	}
}

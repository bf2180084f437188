package cost

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTimes(t *testing.T) {
	r := round(t) // every figure is 1: polls too
	for _, test := range []struct {
		name string
		run  Run
		want Times
	}{
		{"nobody is asked", Run{}, Times{}},
		{"one host", Run{Hosts: 1, Batches: 1}, Times{Usual: 19 * time.Second, Most: 607 * time.Second}},
		{"two waves", Run{Hosts: 400, Batches: 200}, Times{Usual: 833 * time.Second, Most: 2009 * time.Second}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, r.Times(test.run, 100)); diff != "" {
				t.Errorf("times (-want +got):\n%s", diff)
			}
		})
	}
}

package cost

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func ours(t testing.TB) *Rates {
	t.Helper()
	r, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// round makes every price 1 and every figure 1, so that quantities can be counted
// by hand.
func round(t testing.TB) *Rates {
	t.Helper()
	r := ours(t)
	for name, p := range r.Prices {
		p.Dollars, p.Per = 1, 1
		r.Prices[name] = p
	}
	for name, u := range r.Usage {
		u.Value = 1
		r.Usage[name] = u
	}
	return r
}

func TestOnce(t *testing.T) {
	r := round(t)
	r.Usage["large_group"] = Usage{Value: 1000}
	r.Usage["analyze_large_mib"] = Usage{Value: 1025}
	quantities := func(b Bill) map[string]float64 {
		out := map[string]float64{}
		for _, l := range b.Lines {
			out[l.Price] = l.Quantity
		}
		return out
	}
	want := map[string]float64{
		// resolve 1+10, collect 2, poll 2, extract 2+10, analyze 1+10, publish 1 MiB-seconds
		"lambda_gb_seconds": 39.0 / 1024, "lambda_requests": 3 + 2*3, "states_transitions": 1 + 2*2,
		"s3_writes": 1 + 2 + 10, "s3_reads": 1 + 2 + 10, "kms_requests": 26 + 2,
		"dynamodb_writes": 1, "dynamodb_reads": 1, "sns_requests": 1, "sns_emails": 1,
		"logs_ingested": (9 + 5) / 1e9, "xray_traces": 3,
	}
	near := cmpopts.EquateApprox(0, 1e-9)
	once := r.Once(Run{Hosts: 10, Batches: 2, Pinned: true})
	if diff := cmp.Diff(want, quantities(once), near); diff != "" {
		t.Errorf("quantities (-want +got):\n%s", diff)
	}
	var sum, services float64
	for _, l := range once.Lines {
		sum += l.Dollars
	}
	for _, s := range Services() {
		services += once.Of(s)
	}
	if diff := cmp.Diff([]float64{sum, sum}, []float64{once.Dollars, services}, near); diff != "" {
		t.Errorf("sums (-want +got):\n%s", diff)
	}

	want["s3_reads"], want["kms_requests"] = 1+2+0, 16+2
	if diff := cmp.Diff(want, quantities(r.Once(Run{Hosts: 10, Batches: 2})), near); diff != "" {
		t.Errorf("the hosts' own osquery (-want +got):\n%s", diff)
	}
	large := quantities(r.Once(Run{Hosts: 1000, Batches: 2}))["lambda_gb_seconds"]
	if want := (1001 + 2 + 2 + 1002 + 1025*1001 + 1) / 1024.0; math.Abs(large-want) > 1e-9 {
		t.Errorf("a large group's compute: %v, want %v", large, want)
	}
}

func TestKeptIdleAndExtras(t *testing.T) {
	r := round(t)
	run := Run{Hosts: 10, Batches: 1, Pinned: true}
	got := map[string]float64{"kept": r.Kept(run).Dollars * 1e9, "idle": r.Idle().Dollars}
	for _, e := range r.Extras(run) {
		got[e.If] = e.Bill.Dollars * 1e9
	}
	want := map[string]float64{
		"kept": 10*2 + 1, "idle": 1 + 1 + 2 + 1 + 2e-9,
		"hosts reach S3 through a NAT gateway": 30, "hosts reach S3 through an interface endpoint": 30,
		"hosts are in another region than the hub": 10,
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNobodyIsFree: a run without hosts costs nothing, and one host more is never
// cheaper.
func TestNobodyIsFree(t *testing.T) {
	r := ours(t)
	if diff := cmp.Diff(Bill{}, r.Once(Run{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Bill{}, r.Kept(Run{})); diff != "" {
		t.Error(diff)
	}
	rapid.Check(t, func(t *rapid.T) {
		run := Run{Hosts: rapid.IntRange(1, 200_000).Draw(t, "hosts"), Batches: rapid.IntRange(1, 4000).Draw(t, "batches"), Pinned: rapid.Bool().Draw(t, "pinned")}
		more := run
		more.Hosts++
		if r.Once(more).Dollars <= r.Once(run).Dollars || r.Kept(more).Dollars <= r.Kept(run).Dollars {
			t.Errorf("%d hosts cost more than %d", run.Hosts, more.Hosts)
		}
	})
}

func TestParse(t *testing.T) {
	source := string(Source)
	for name, c := range map[string]struct{ old, new, want string }{
		"missing price":   {"  nat_gb:", "  gnat_gb:", "no price is named nat_gb"},
		"unknown price":   {"  nat_gb:", "  gnat_gb:", "price gnat_gb is not known"},
		"missing figure":  {"  polls:", "  pools:", "no usage is named polls"},
		"unknown field":   {"{dollars: 0.0000133334,", "{dolars: 0.0000133334,", `unknown field "dolars"`},
		"negative":        {"dollars: 0.023", "dollars: -0.023", "price s3_storage: want dollars"},
		"per nothing":     {"dollars: 0.023, per: 1,", "dollars: 0.023, per: 0,", "price s3_storage: want dollars"},
		"without source":  {`{dollars: 0.045, per: 1, unit: GB through a NAT gateway, seen: 2026-06, source: "https://aws.amazon.com/vpc/pricing/"}`, "{dollars: 0.045, per: 1, unit: GB}", "price nat_gb: want unit, seen and source"},
		"figure unfunded": {`polls: {value: 5, source: "assumed`, `polls: {value: -5, source: "assumed`, "usage polls: want a value"},
		"no region":       {"region: us-east-1", "", "no region"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(source, c.old, c.new, 1)
			if changed == source {
				t.Fatalf("%q is not in the list", c.old)
			}
			if _, err := Parse([]byte(changed)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	r, err := Parse([]byte(strings.Replace(source, "us-east-1", "eu-west-1", 1)))
	if err != nil || r.Region != "eu-west-1" {
		t.Errorf("another region: %v, %v", r, err)
	}
}

type state struct {
	Type, Next, Default string
	Choices             []struct{ Next string }
	ItemProcessor       machine
}

type machine struct {
	StartAt string
	States  map[string]state
}

// way counts the states from the first to the last, where nothing goes wrong and,
// at a choice, what is next comes next.
func (m machine) way(choose map[string]string) (names []string) {
	for at := m.StartAt; at != ""; {
		names = append(names, at)
		s := m.States[at]
		if at = s.Next; s.Type == "Choice" {
			at = choose[names[len(names)-1]]
		}
	}
	return names
}

// TestTransitions: a run goes through as many states as are paid for.
func TestTransitions(t *testing.T) {
	data, err := os.ReadFile("../../statemachine/triage.asl.json")
	if err != nil {
		t.Fatal(err)
	}
	var m machine
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	branch := m.States["Batches"].ItemProcessor
	r := ours(t)
	run := m.way(map[string]string{"Plan": "Batches"})
	batch := branch.way(map[string]string{"Where": branch.States["Where"].Default})
	// One start besides the states; one poll is on the way of a batch.
	got := []float64{float64(len(run) + 1), float64(len(batch)+1) - r.of("poll_transitions")}
	if diff := cmp.Diff([]float64{r.of("run_transitions"), r.of("batch_transitions")}, got); diff != "" {
		t.Errorf("states of a run %v, of a batch %v (-rates +file):\n%s", run, batch, diff)
	}
}

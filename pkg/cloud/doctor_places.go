package cloud

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"diffy/collect"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// place looks at what hosts of an account and region need: the document that
// commands run, the bucket that they write to, and the osquery that they fetch.
func (d *Doctor) place(ctx context.Context, p, own pipeline.Place) []Check {
	here := area(p.Account + "/" + p.Region)
	fix := deployAgain
	if p != own {
		fix = "deploy the member stack there: docs/operations.md"
	}
	document, err := d.cloud.Commands.Document(ctx, p)
	what := "document " + d.cfg.Document
	var out []Check
	switch {
	case errors.Is(err, pipeline.ErrNotFound):
		out = append(out, here.fails(what, "there is none", fix))
	case err != nil && p.Account != own.Account:
		return append(out, here.unknown(what, "only the functions may look there: "+answer(err), "a run says what it meets: diffy triage --plan does not reach that far"))
	case err != nil:
		out = append(out, here.of(what, err, fix))
	case !collect.SameDocument(document.Content):
		out = append(out, here.fails(what, "its content is not this diffy's: runs would end with DocumentChanged", "deploy the version that you run, or run the version that is deployed"))
	default:
		out = append(out, here.ok(what, "version "+document.Version))
	}
	return append(out, d.intake(ctx, here, p, fix)...)
}

func (d *Doctor) intake(ctx context.Context, here area, p pipeline.Place, fix string) []Check {
	client, bucket, err := d.cloud.Objects.buckets.of(pipeline.Object{Bucket: pipeline.Intake, Place: p})
	if err != nil {
		return []Check{here.fails("intake bucket", err.Error(), fix)}
	}
	_, err = client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
	out := []Check{here.of("intake bucket "+bucket, err, fix)}
	if err != nil {
		return out
	}
	return append(out, d.releases(ctx, here, client, bucket)...)
}

// releases looks for the pinned osquery releases that the collect function was
// told of.
func (d *Doctor) releases(ctx context.Context, here area, client *s3.Client, bucket string) []Check {
	name := namesOf(d.cfg, "").function("collect")
	out, err := d.lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &name})
	if err != nil {
		return []Check{here.unknown("pinned osquery", "which one is asked for is in the function "+name+": "+answer(err), "")}
	}
	env := map[string]string{}
	if out.Environment != nil {
		env = out.Environment.Variables
	}
	return here.osquery(env, func(key string) error {
		_, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
		return err
	})
}

// osquery checks that the releases which the function's environment names are
// where hosts fetch them.
func (a area) osquery(env map[string]string, missing func(key string) error) []Check {
	osquery, err := pipeline.OsqueryFrom(func(name string) string { return env[name] })
	switch {
	case err != nil:
		return []Check{a.fails("pinned osquery", err.Error(), "mend osquery, osqueryX86 and osqueryArm in infra/context.json and deploy")}
	case osquery.Mode == collect.Host:
		return []Check{a.ok("osquery", "the hosts' own is asked for")}
	case len(osquery.Releases) == 0:
		return []Check{a.warns("pinned osquery", "none is chosen: hosts run their own, and those without one are not examined",
			"diffy osquery upload FILE, then set osqueryX86 or osqueryArm in infra/context.json and deploy")}
	}
	var checks []Check
	for _, arch := range slices.Sorted(maps.Keys(osquery.Releases)) {
		digest := osquery.Releases[arch]
		checks = append(checks, a.of("pinned osquery for "+arch, missing(pipeline.OsqueryKey(digest)), "diffy osquery upload FILE, the release with sha256 "+digest))
	}
	return checks
}

// Group looks at the hosts of a target: which of them a run could examine, and
// what keeps it from the others.
func (d *Doctor) Group(ctx context.Context, t triage.Target, expand bool) []Check {
	group, err := d.cloud.Fleet.Group(ctx, t, expand)
	here := area("group " + pipeline.TargetKey(t))
	if err != nil {
		return []Check{here.of("find the hosts", err, "check --account and --region")}
	}
	here = area("group " + group.Key)
	if len(group.Hosts) == 0 {
		return []Check{here.fails("find the hosts", "there are none", "check the selector, --account and --region")}
	}
	hosts := map[string][]string{} // by what keeps them
	for _, h := range group.Hosts {
		reason := h.Reason
		if h.Pending {
			reason = launchedNow
		}
		hosts[reason] = append(hosts[reason], h.ID)
	}
	d.connection(ctx, t, hosts)
	out := []Check{here.ready(len(hosts[""]), len(group.Hosts))}
	for _, reason := range slices.Sorted(maps.Keys(hosts)) {
		if reason != "" {
			out = append(out, here.kept(reason, hosts[reason]))
		}
	}
	return out
}

const (
	launchedNow = "launched minutes ago and not managed by SSM yet"
	noAnswer    = "SSM has lost the connection"
)

// connection takes those out of the ready hosts whose agent does not answer.
func (d *Doctor) connection(ctx context.Context, t triage.Target, hosts map[string][]string) {
	place := d.cloud.Fleet.places.whole(pipeline.Place{Account: t.Account, Region: t.Region})
	known, err := d.cloud.Fleet.managed.of(ctx, place, hosts[""])
	if err != nil {
		return // Group has just asked the same
	}
	hosts[""] = slices.DeleteFunc(hosts[""], func(h string) bool {
		lost := known[h].PingStatus == types.PingStatusConnectionLost
		if lost {
			hosts[noAnswer] = append(hosts[noAnswer], h)
		}
		return lost
	})
}

func (a area) ready(ready, of int) Check {
	what := "hosts that a run can examine"
	says := fmt.Sprintf("%d of %d", ready, of)
	switch {
	case ready == 0:
		return a.fails(what, says, "see below what keeps each")
	case ready < 3:
		return a.warns(what, says, "with so few hosts a baseline sees more than comparing them: diffy baseline create")
	}
	return a.ok(what, says)
}

// kept says of hosts what keeps a run from them, and what helps.
func (a area) kept(reason string, hosts []string) Check {
	fix := map[string]string{
		notManaged:  "give the instance profile AmazonSSMManagedInstanceCore, and the agent a way to ssm, ssmmessages and ec2messages",
		noAnswer:    "see on the host whether amazon-ssm-agent runs and can reach its endpoints",
		launchedNow: "wait for the agent to register, or triage now: such hosts are tried",
		"windows":   "no Windows host is examined: look at it by hand",
	}[reason]
	const most = 5
	names := strings.Join(hosts[:min(len(hosts), most)], ", ")
	if more := len(hosts) - most; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return a.warns(plural(len(hosts), "host")+" "+reason, names, fix)
}

// plural is "1 host", "8 hosts".
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// last is the part of an ARN behind its last colon.
func last(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

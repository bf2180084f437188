package e2e

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"diffy/pkg/triage"
)

// Cases of what is asked for and who is chosen.

// console: what a person pastes into the console, and a name that the console makes.
func console(w *world) {
	ids := w.quickGroup("web-prod", 3)
	const run = "2f6a3c1e-7b54-4d0e-9a83-5c1d2e3f4a5b"
	end := w.run(run, `{"target":{"autoScalingGroup":"web-prod"}}`)
	w.leave(end)

	w.succeeded(end)
	w.accounted(run, all(ids, whole))
	w.told(run, nil)
}

// oneHost: a group that has one instance at the moment. There is nobody to compare
// it with; its baseline, the rules and the pivots speak.
func oneHost(w *world) {
	known := readTruth(w.T)
	ids := w.quickGroup("shop", 1)
	victim := w.agents.hosts[ids[0]]
	victim.plays = "baseline"
	const first, second = "asg-shop-20260101T0000-0b0c", "asg-shop-20260102T0304-0d0e"
	made := w.run(first, `{"purpose":"baseline","target":{"instanceIds":["`+ids[0]+`"]}}`)

	victim.plays = known.Attacked[0]
	const path = "/tmp/.x/bash" // runs there
	used := w.run(second, `{"target":{"instanceIds":["`+ids[0]+`"]},"pivots":[{"kind":"path","value":"`+path+`"}]}`)
	w.leave(made, used)

	w.succeeded(made)
	w.succeeded(used)
	w.accounted(first, all(ids, whole))
	w.accounted(second, all(ids, whole))
	result := w.result(second)
	if result.Group.Key != "asg:shop" || len(result.Group.Baselines) != 1 || !result.Hosts[0].Outlier {
		w.Errorf("group %s, baselines %+v, host %+v", result.Group.Key, result.Group.Baselines, result.Hosts[0])
	}
	spoke := map[triage.Method]bool{}
	for _, f := range result.Findings {
		for _, m := range f.Methods {
			spoke[m] = spoke[m] || f.Severity.Loud()
		}
	}
	for _, m := range []triage.Method{triage.ByBaseline, triage.ByRule} {
		if !spoke[m] {
			w.Errorf("%s has found nothing on the only host of its group", m)
		}
	}
	if len(result.Pivots) != 1 || !slices.Equal(result.Pivots[0].Seen, ids) {
		w.Errorf("pivots %+v, want %s seen on %s", result.Pivots, path, ids[0])
	}
}

// listed: instances that cannot be examined, each for another reason. They are
// listed before anything is sent, and nothing is sent to them.
func listed(w *world) {
	ids := w.quickGroup("web-prod", 5)
	for i, name := range []string{"well", "Windows", "stopped", "terminated", "not managed"} {
		w.called[ids[i]] = name
	}
	w.agents.hosts[ids[1]].windows = true
	w.halt(ids[2])
	_, err := ec2.NewFromConfig(w.sdk).TerminateInstances(w.Context(), &ec2.TerminateInstancesInput{InstanceIds: ids[3:4]})
	w.must(err)
	w.agents.hosts[ids[4]].managed = false
	const none, fargate, elsewhere = "i-0000000000000dead", "fargate-ip-10-0-0-1.eu-west-1.compute.internal", "mi-0123456789abcdef0"
	w.called[none], w.called[fargate], w.called[elsewhere] = "unknown", "Fargate", "not EC2"
	const run = "instances-20260102T0304-7a8b"
	asked := append([]string{none, fargate, elsewhere}, ids...)
	end := w.run(run, `{"target":{"instanceIds":["`+strings.Join(asked, `","`)+`"]}}`)
	w.leave(end)

	w.succeeded(end)
	w.accounted(run, map[string]fate{
		ids[0]: whole, ids[1]: {triage.NotExamined, "windows"}, ids[2]: {triage.NotExamined, "stopped"}, ids[3]: {triage.NotExamined, "terminated"},
		ids[4]: {triage.NotExamined, "not managed by SSM"}, none: {triage.NotExamined, "no such instance"},
		fargate: {triage.NotExamined, "Fargate: there is no host to examine"}, elsewhere: {triage.NotExamined, "managed by SSM, but no EC2 instance"},
	})
	var before []triage.Outcome
	w.readJSON("s3/runs/"+run+"/batches/0000.json", &before)
	var names []string
	for _, o := range before {
		names = append(names, w.called[o.Host])
	}
	// One that was launched just now may still become managed: it is tried.
	if want := sorted("Windows", "stopped", "terminated", "unknown", "Fargate", "not EC2"); !slices.Equal(sorted(names...), want) {
		w.Errorf("listed before anything is sent: %v, want %v", names, want)
	}
	for _, c := range w.agents.commands {
		if !slices.Equal(c.InstanceIds, ids[:1]) {
			w.Errorf("a command was sent to %v", c.InstanceIds)
		}
	}
}

// overLimit: more hosts than the request allows. The suspect is among those that
// are examined, and the result says who was chosen.
func overLimit(w *world) {
	ids := w.quickGroup("web-prod", 6)
	suspect := ids[5]
	w.called[suspect] = "the suspect"
	const run = "asg-web-prod-20260102T0304-9c0d"
	end := w.run(run, fmt.Sprintf(`{"target":{"autoScalingGroup":"web-prod"},"suspects":[%q],"maxHosts":3}`, suspect))
	w.leave(end)

	w.succeeded(end)
	want := all(ids, fate{triage.NotExamined, "over maxHosts"})
	want[ids[0]], want[ids[1]], want[suspect] = whole, whole, whole
	w.accounted(run, want)
	if notes := strings.Join(w.result(run).Notes, "\n"); !strings.Contains(notes, "3 of 6 hosts are examined (maxHosts): the suspects, then in the order of their ids.") {
		w.Errorf("the notes do not say who was chosen: %s", notes)
	}
}

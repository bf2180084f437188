package e2e

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// TestDoctor looks at a deployment that works, and at what makes runs fail: a
// document that somebody has changed, a table that is gone, a group without hosts.
// Of functions and of what IAM allows moto knows nothing, and the command says so.
func TestDoctor(t *testing.T) {
	w := newWorld(t)
	hosts := played(func(string) bool { return true })
	ids := w.scale("shop", len(hosts)+1)
	w.settle(ids[:len(hosts)], hosts)
	w.halt(ids[len(hosts)])
	w.says(0, []string{"doctor", "--asg", "shop"},
		"ok       table diffy\n", "ok       document diffy-collect: version 1\n", "ok       intake bucket "+w.cfg.Intake+"\n",
		"ok       hosts that a run can examine: 8 of 9\n", "warns    1 host stopped: "+ids[len(hosts)]+"\n",
		"unknown  what they may: IAM does not answer\n", "!0 that would make a run fail")

	w.replaceDocument(`{"schemaVersion":"2.2","mainSteps":[]}`)
	_, err := dynamodb.NewFromConfig(w.sdk).DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &w.cfg.Table})
	w.must(err)
	w.says(10, []string{"doctor", "--asg", "none"},
		"fails    table diffy: ResourceNotFoundException\n", "fails    document diffy-collect: its content is not this diffy's",
		"fails    find the hosts: there are none\n", "!3 that would make a run fail")
	w.says(2, []string{"doctor", "--asg", "shop", "--stack", "shop"}, "!2 ways to choose hosts")
}

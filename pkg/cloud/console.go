package cloud

import (
	"net/url"
	"strings"

	"diffy/pkg/pipeline"
)

// consoles are the consoles of AWS's partitions.
var consoles = map[string]string{
	"aws":        "console.aws.amazon.com",
	"aws-cn":     "console.amazonaws.cn",
	"aws-us-gov": "console.amazonaws-us-gov.com",
}

// ReportAddress is where a person who has signed in finds the report of a run: the
// console's page of the object. It holds no permission.
func (c Config) ReportAddress(run string) string {
	q := url.Values{"region": {c.Region}, "prefix": {pipeline.ReportKey(run)}}
	return c.console() + "/s3/object/" + url.PathEscape(c.Work) + "?" + q.Encode()
}

// ExecutionAddress is where a person who has signed in sees what a run did.
func (c Config) ExecutionAddress(run string) string {
	execution := strings.Replace(c.StateMachine, ":stateMachine:", ":execution:", 1) + ":" + run
	return c.console() + "/states/home?region=" + url.QueryEscape(c.Region) + "#/v2/executions/details/" + url.PathEscape(execution)
}

func (c Config) console() string {
	partition := "aws"
	if parts := strings.Split(c.StateMachine, ":"); len(parts) > 1 && consoles[parts[1]] != "" {
		partition = parts[1]
	}
	return "https://" + c.Region + "." + consoles[partition]
}

package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// str and num are what the CDK's structs want in place of plain values.
var (
	str = jsii.String
	num = func(n int) *float64 { return jsii.Number(float64(n)) }
	yes = jsii.Bool(true)
	no  = jsii.Bool(false)

	tls12 = jsii.Number(1.2)
)

// flags are the CDK's feature flags. They are set here because a bare binary and
// the tests read no cdk.json.
var flags = map[string]any{
	"@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy":       true,
	"@aws-cdk/aws-iam:standardizedServicePrincipals":        true,
	"@aws-cdk/aws-events:eventsTargetQueueSameAccount":      true,
	"@aws-cdk/aws-sns-subscriptions:restrictSqsDescryption": true,
	"@aws-cdk/core:checkSecretUsage":                        true,
	"@aws-cdk/core:validateAgainstDefaultRules":             true,
	// sam finds the code of a function by this metadata.
	"aws:cdk:enable-asset-metadata": true,
}

// newApp makes both stacks. An empty outdir leaves the choice to the CDK:
// CDK_OUTDIR, else cdk.out.
func newApp(outdir string, chosen map[string]any, src sources) (awscdk.App, error) {
	context := map[string]any{}
	for key, value := range flags {
		context[key] = value
	}
	for key, value := range chosen {
		context[key] = value
	}
	props := &awscdk.AppProps{Context: &context, AnalyticsReporting: no, TreeMetadata: no}
	if outdir != "" {
		props.Outdir = str(outdir)
	}
	app := awscdk.NewApp(props)

	set, err := loadSettings(func(key string) any { return app.Node().TryGetContext(str(key)) })
	if err != nil {
		return nil, err
	}
	if err := newHub(app, set, src); err != nil {
		return nil, err
	}
	newMember(app, set, src.document)
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Verbose: yes}), nil)
	return app, nil
}

// sayLoudly tells whoever synthesises what they have chosen, here and in the
// CDK's own output.
func sayLoudly(scope constructs.Construct, id, text string) {
	fmt.Fprintln(os.Stderr, "infra: WARNING:", text)
	awscdk.Annotations_Of(scope).AddWarningV2(str("diffy:"+id), str(text))
}

// named keeps a resource's logical id what it is called here, so that what points
// at it (samconfig.toml, a change set, a retained key) still does after a change.
func named(c constructs.IConstruct, id string) {
	target := c
	if child := c.Node().DefaultChild(); child != nil {
		target = child
	}
	target.(awscdk.CfnElement).OverrideLogicalId(str(id))
}

func days(n int) awscdk.Duration    { return awscdk.Duration_Days(num(n)) }
func seconds(n int) awscdk.Duration { return awscdk.Duration_Seconds(num(n)) }

// camel begins a logical id: "Collect" of "collect".
func camel(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

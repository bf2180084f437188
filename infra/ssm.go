package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
)

// newDocument makes the one document that commands run: the one that is compiled
// into collect, which compares the two before it sends. A change makes a new
// version of the same document.
func newDocument(stack awscdk.Stack, set settings, content map[string]any) {
	document := awsssm.NewCfnDocument(stack, str("Document"), &awsssm.CfnDocumentProps{
		Name:           str(set.document()),
		DocumentType:   str("Command"),
		DocumentFormat: str("JSON"),
		TargetType:     str("/AWS::EC2::Instance"),
		Content:        content,
		UpdateMethod:   str("NewVersion"),
	})
	document.OverrideLogicalId(str("CollectDocument"))
}

package cloud

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// describesInstances is the one operation of EC2 that is needed. A client that is an
// interface value, or a type that code is generic over, brings all its operations
// into a program that has templates, as the command line has: any method might be
// called by its name. Those of EC2 are 50 MB.
type describesInstances func(context.Context, *ec2.DescribeInstancesInput, ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error)

func newEC2(c awsConfig) describesInstances { return ec2.NewFromConfig(c).DescribeInstances }

// DescribeInstances lets the SDK page through the results.
func (d describesInstances) DescribeInstances(ctx context.Context, in *ec2.DescribeInstancesInput, opts ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	return d(ctx, in, opts...)
}

package cloud

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Table keeps records in one DynamoDB table. The partition key is pk, the sort key
// sk:
//
//	group#<group>        current | baseline#<version> | baseline#<version>#chunk#<n> | good | lock
//	approved#<group>     <version>
//	suppression#<group>  <finding>; of all groups: suppression#*
//	run#<run>            meta
//	finding#<group>      <id>
//	quota#<what>         <hour>
//	sent#<incident>      thread
//
// What is listed over all groups also has kind ("run", "baseline", "suppression")
// and started, the keys of the index "runs". No handler writes approved# and
// suppression#, nor may a function: people do.
type Table struct {
	client  *dynamodb.Client
	name    string
	objects *Objects // where the facts of weak baselines are
}

// The partitions and the sort keys that have no part of their own.
const (
	groupPrefix       = "group#"
	approvedPrefix    = "approved#"
	suppressionPrefix = "suppression#"
	everyGroup        = "*"
	runPrefix         = "run#"

	currentKey = "current"
	lockKey    = "lock"
	metaKey    = "meta"
	goodKey    = "good"

	kindBaseline    = "baseline"
	kindSuppression = "suppression"
)

type item = map[string]types.AttributeValue

// key is the primary key of an item.
func key(pk, sk string) item { return item{"pk": text(pk), "sk": text(sk)} }

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprint(n)}
}

func bytesOf(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

// encode makes an item of a record, by the names that it has in JSON.
func encode(pk, sk string, record any) (item, error) {
	it, err := attributevalue.MarshalMapWithOptions(record, func(o *attributevalue.EncoderOptions) { o.TagKey = "json" })
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", pk, sk, err)
	}
	it["pk"], it["sk"] = text(pk), text(sk)
	return it, nil
}

func decode(it item, record any) error {
	err := attributevalue.UnmarshalMapWithOptions(it, record, func(o *attributevalue.DecoderOptions) { o.TagKey = "json" })
	if err != nil {
		return fmt.Errorf("decode item: %w", err)
	}
	return nil
}

// refused returns what a conditional write met, if its condition did not hold.
func refused(err error) (item, bool) {
	var met *types.ConditionalCheckFailedException
	if !errors.As(err, &met) {
		return nil, false
	}
	return met.Item, true
}

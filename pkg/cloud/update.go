package cloud

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// update is one conditional write to one item.
type update struct {
	key    item
	when   string
	sets   []string
	adds   []string
	drops  []string
	names  map[string]string
	values item
}

func (u *update) set(name string, value types.AttributeValue) *update {
	u.sets = append(u.sets, "#"+name+" = :"+name)
	return u.named(name).value(":"+name, value)
}

func (u *update) add(name string, value types.AttributeValue) *update {
	u.adds = append(u.adds, "#"+name+" :"+name)
	return u.named(name).value(":"+name, value)
}

func (u *update) remove(name string) *update {
	u.drops = append(u.drops, "#"+name)
	return u.named(name)
}

func (u *update) named(names ...string) *update {
	for _, name := range names {
		if u.names == nil {
			u.names = map[string]string{}
		}
		u.names["#"+name] = name
	}
	return u
}

func (u *update) value(name string, value types.AttributeValue) *update {
	if u.values == nil {
		u.values = item{}
	}
	u.values[name] = value
	return u
}

// expression is what the update does, in DynamoDB's words.
func (u *update) expression() string {
	var all []string
	for _, clause := range []struct {
		verb  string
		parts []string
	}{{"SET", u.sets}, {"ADD", u.adds}, {"REMOVE", u.drops}} {
		if len(clause.parts) > 0 {
			all = append(all, clause.verb+" "+strings.Join(clause.parts, ", "))
		}
	}
	return strings.Join(all, " ")
}

// update writes an item on its condition and returns it as it is afterwards. Where
// the condition does not hold, refused is the item that stands there, empty if none
// does.
func (t *Table) update(ctx context.Context, u update) (written, refusedBy item, err error) {
	out, err := t.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &t.name, Key: u.key, UpdateExpression: aws.String(u.expression()), ConditionExpression: &u.when,
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values, ReturnValues: types.ReturnValueAllNew,

		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if held, met := refused(err); met {
		if held == nil {
			held = item{}
		}
		return nil, held, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return out.Attributes, nil, nil
}

func decimal(n float64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatFloat(n, 'f', -1, 64)}
}

// texts makes a set of strings.
func texts(values ...string) types.AttributeValue {
	return &types.AttributeValueMemberSS{Value: values}
}

// textsOf returns a set of strings in order.
func textsOf(v types.AttributeValue) []string {
	set, ok := v.(*types.AttributeValueMemberSS)
	if !ok {
		return []string{}
	}
	return slices.Sorted(slices.Values(set.Value))
}

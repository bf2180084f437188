package trigger

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"diffy/pkg/triage"
)

// Defaults of a request. Incident (the run's id), account and region (the
// deployment's) are filled in by resolve, which knows them.
const (
	DefaultPack     = "linux-triage"
	DefaultBaseline = "auto"
	DefaultMaxHosts = 1000
)

// MaxPivots is how many values one run may ask every host for.
const MaxPivots = 100

const (
	maxHosts = 100_000 // of the largest group that one run takes
	maxValue = 1024    // bytes of a pivot's value
)

// tiers are the parts of a pack that a request may ask for; core is always run.
var tiers = []string{"core", "ext", "sens"}

var (
	hostID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`)
	runID  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$`)
	digest = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// ValidRun reports whether a name may be a run's id: it becomes a segment of
// object keys.
func ValidRun(id string) bool { return runID.MatchString(id) }

// ParseRequest reads a request and fills in the defaults. Everything wrong with
// it is in the error: an unknown field by its path, a target without exactly one
// selector, a value that is none of those allowed.
func ParseRequest(data []byte) (triage.Request, error) {
	var r triage.Request
	if err := knownFields(data, reflect.TypeFor[triage.Request](), ""); err != nil {
		return r, fmt.Errorf("read request: %w", err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("read request: %w", plainJSON(err))
	}
	withDefaults(&r)
	if err := Check(r); err != nil {
		return r, fmt.Errorf("read request: %w", err)
	}
	return r, nil
}

func withDefaults(r *triage.Request) {
	if r.Purpose == "" {
		r.Purpose = triage.PurposeTriage
	}
	if r.Baseline == "" {
		r.Baseline = DefaultBaseline
	}
	if r.Pack == "" {
		r.Pack = DefaultPack
	}
	if len(r.Tiers) == 0 {
		r.Tiers = []string{"core"}
	}
	if r.MaxHosts == 0 {
		r.MaxHosts = DefaultMaxHosts
	}
	if r.Expand == nil && len(r.Target.InstanceIDs) > 0 {
		expand := Expands(*r)
		r.Expand = &expand
	}
}

// Expands reports whether the instances of a request stand for their group: unless
// it says so, one does and several do not.
func Expands(r triage.Request) bool {
	if r.Expand != nil {
		return *r.Expand
	}
	return len(r.Target.InstanceIDs) == 1
}

// Check says what is wrong with a request whose defaults are filled in, all of it.
func Check(r triage.Request) error {
	var wrong []error
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if s := Selectors(r.Target); len(s) != 1 {
		bad("target has %s; expected exactly one selector", either(s))
	}
	if r.Purpose != triage.PurposeTriage && r.Purpose != triage.PurposeBaseline {
		bad("purpose is %q; expected triage or baseline", r.Purpose)
	}
	if r.MaxHosts < 1 || r.MaxHosts > maxHosts {
		bad("maxHosts is %d; expected 1 to %d", r.MaxHosts, maxHosts)
	}
	for _, tier := range r.Tiers {
		if !slices.Contains(tiers, tier) {
			bad("tier is %q; expected one of %s", tier, strings.Join(tiers, ", "))
		}
	}
	for _, id := range slices.Concat(r.Target.InstanceIDs, r.Suspects) {
		if !hostID.MatchString(id) {
			bad("%q is no host id", id)
		}
	}
	if r.Retry != "" && !ValidRun(r.Retry) {
		bad("retry is %q, which is no run id", r.Retry)
	}
	if len(r.Pivots) > MaxPivots {
		bad("there are %d pivots; expected at most %d", len(r.Pivots), MaxPivots)
	}
	for i, p := range r.Pivots {
		if err := CheckPivot(p); err != nil {
			bad("pivots[%d]: %w", i, err)
		}
	}
	return errors.Join(wrong...)
}

func either(selectors []string) string {
	if len(selectors) == 0 {
		return "no selector"
	}
	return strings.Join(selectors, " and ")
}

// Selectors names the selectors that a target has, in the order of their fields.
func Selectors(t triage.Target) []string {
	var names []string
	v := reflect.ValueOf(t)
	for i := range v.NumField() {
		name := fieldName(v.Type().Field(i))
		if name != "account" && name != "region" && !v.Field(i).IsZero() {
			names = append(names, name)
		}
	}
	return names
}

// CheckPivot says what is wrong with a pivot: its kind, or a value that is none of
// that kind.
func CheckPivot(p triage.Pivot) error {
	if !slices.Contains(triage.PivotKinds, p.Kind) {
		return fmt.Errorf("kind is %q; expected one of %v", p.Kind, triage.PivotKinds)
	}
	if len(p.Value) > maxValue {
		return fmt.Errorf("the value of a %s has %d bytes; expected at most %d", p.Kind, len(p.Value), maxValue)
	}
	ok := p.Value != ""
	switch p.Kind {
	case triage.PivotSHA256:
		ok = digest.MatchString(p.Value)
	case triage.PivotIP:
		_, err := netip.ParseAddr(p.Value)
		ok = err == nil
	case triage.PivotPort:
		n, err := strconv.ParseUint(p.Value, 10, 16)
		ok = err == nil && n > 0
	}
	if !ok {
		return fmt.Errorf("%q is no %s", p.Value, p.Kind)
	}
	return nil
}

// knownFields reports the first field, by its path and in the order of names,
// that t has no place for. encoding/json alone would take any case for the same.
func knownFields(data []byte, t reflect.Type, path string) error {
	switch t.Kind() {
	case reflect.Pointer:
		return knownFields(data, t.Elem(), path)
	case reflect.Slice:
		var list []json.RawMessage
		if err := json.Unmarshal(data, &list); err != nil {
			return nil // the whole is decoded next, and says it better
		}
		for i, item := range list {
			if err := knownFields(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		return knownStruct(data, t, path)
	}
	return nil
}

func knownStruct(data []byte, t reflect.Type, path string) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		at := strings.TrimPrefix(path+"."+name, ".")
		i := slices.IndexFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return fieldName(f) == name })
		if i < 0 {
			return fmt.Errorf("unknown field %q", at)
		}
		if err := knownFields(object[name], t.Field(i).Type, at); err != nil {
			return err
		}
	}
	return nil
}

func fieldName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// plainJSON says where a value of the wrong type is without Go's words for it.
func plainJSON(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return fmt.Errorf("field %q: %s is not what belongs there", wrong.Field, wrong.Value)
	}
	return err
}

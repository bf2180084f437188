package detect

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"diffy/pkg/facts"
	"diffy/pkg/pack"
)

// group is the hosts under analysis with their facts, hosts numbered in name
// order, so that nothing depends on the order in which they came.
type group struct {
	hosts    []*facts.Host
	all      hostSet
	young    hostSet // up for minutes only: what they have or lack says little
	tables   []*table
	cell     []int           // host → its subpopulation
	cells    []hostSet       // the subpopulations, largest first
	patterns []hostSet       // sets of hosts that subpopulations account for
	habits   habits          // what the group does now and then
	common   map[string]bool // what rows of most hosts name; known once deviations are
	onDisk   map[string]bool // programs that are a file on some host
	setuid   map[string]bool // programs that are setuid on most hosts
	owned    map[string]bool // programs by whether a package's name claims them, as asked
}

// table is the facts of one query.
type table struct {
	id       string
	rule     *pack.Query
	answered hostSet // hosts on which the query answered
	keys     []*key
}

// key is one thing that rows name, with what hosts say of it.
type key struct {
	table   *table
	columns []string // canonical, in the order of rule.Key
	present hostSet
	facts   []*fact
	shape   hostSet // hosts that have a key of the same shape; nil when it is the key itself

	templates string // see tokens
}

// fact is one canonical row with its hosts in the group.
type fact struct {
	*facts.Fact
	hosts hostSet
}

func newGroup(set *facts.Set) *group {
	g := &group{hosts: set.Hosts()}
	n := len(g.hosts)
	g.all = newHostSet(n)
	number := make([]int, n) // place in the Set → number in the group
	answered := map[string]hostSet{}
	for i, h := range g.hosts {
		place, _ := set.Place(h.Name)
		number[place] = i
		g.all.add(i)
		for _, table := range h.Answered {
			if query, _, _ := strings.Cut(table, "\x00"); slices.Contains(h.Broken, query) {
				continue
			}
			if answered[table] == nil {
				answered[table] = newHostSet(n)
			}
			answered[table].add(i)
		}
	}
	for _, t := range set.Tables() {
		hosts := newHostSet(n)                             // stays empty where no answer is whole
		for _, id := range []string{t.ID(), t.Rule.Name} { // the name alone: an answer without rows
			if some := answered[id]; some != nil {
				hosts = hosts.or(some)
			}
		}
		g.tables = append(g.tables, newTable(t, n, number, hosts))
	}
	g.cell = make([]int, n)
	g.cells = []hostSet{g.all}
	g.young = g.booting()
	g.habits = g.learnHabits()
	g.onDisk = g.files()
	g.setuid = g.setuidEverywhere()
	return g
}

func newTable(t *facts.Table, n int, number []int, answered hostSet) *table {
	out := &table{id: t.ID(), rule: t.Rule, answered: answered}
	all, size := t.Sorted(), len(newHostSet(n))
	memory := make(hostSet, size*len(all)) // of all host sets
	var last *key
	for _, f := range all {
		hosts := memory[:size:size]
		memory = memory[size:]
		for _, place := range f.Hosts {
			hosts.add(number[place])
		}
		one := &fact{Fact: f, hosts: hosts}
		if last != nil && slices.Equal(last.columns, f.Key) {
			last.facts = append(last.facts, one)
			last.present = last.present.or(hosts)
			continue
		}
		last = &key{table: out, columns: f.Key, present: hosts, facts: []*fact{one}}
		last.templates = tokens(out.rule, last.columns)
		out.keys = append(out.keys, last)
	}
	out.shapes(n)
	return out
}

// every lists the facts of a table, each with its key.
func (t *table) every() iter.Seq2[*key, *fact] {
	return func(yield func(*key, *fact) bool) {
		for _, k := range t.keys {
			for _, f := range k.facts {
				if !yield(k, f) {
					return
				}
			}
		}
	}
}

// packages are the tables that list the packages of hosts.
func (g *group) packages() []*table {
	return slices.DeleteFunc(slices.Clone(g.tables), func(t *table) bool { return !isPackages(t) })
}

// shapes finds, for keys whose names are made anew each time, the hosts that
// have one of the same kind.
func (t *table) shapes(n int) {
	hosts := map[string]hostSet{}
	shaped := map[*key]string{}
	for _, k := range t.keys {
		columns := shapeOf(t.rule, k.columns)
		if columns == nil {
			continue
		}
		shape := joinKey(columns)
		shaped[k] = shape
		if hosts[shape] == nil {
			hosts[shape] = newHostSet(n)
		}
		hosts[shape] = hosts[shape].or(k.present)
	}
	for k, shape := range shaped {
		k.shape = hosts[shape]
	}
}

// shapeOf returns a key's columns with everything replaced that is made anew each
// time, nil if there is none. A hash, a name or a port has no shape.
func shapeOf(rule *pack.Query, key []string) (columns []string) {
	for i, c := range key {
		switch rule.Template[rule.Key[i]] {
		case pack.TemplateText, pack.TemplatePath, pack.TemplateUnit:
			shape := facts.Shape(c)
			if shape == c {
				continue
			}
			if columns == nil {
				columns = slices.Clone(key)
			}
			columns[i] = shape
		}
	}
	return columns
}

// table finds a table by the name of its query.
func (g *group) table(names ...string) *table {
	for _, t := range g.tables {
		if slices.Contains(names, t.rule.Name) {
			return t
		}
	}
	return nil
}

// commonest returns the fact of a key that most of the given hosts have, nil
// when none of them has any.
func (k *key) commonest(among hostSet, except *fact) *fact {
	var best *fact
	most := 0
	for _, f := range k.facts {
		if n := f.hosts.overlap(among); f != except && n > most {
			best, most = f, n
		}
	}
	return best
}

// compared returns the value of one compared column of a fact.
func (k *key) compared(f *fact, column string) string {
	if i := slices.Index(k.table.rule.Compare, column); i >= 0 {
		return f.Values[i]
	}
	return ""
}

// named returns one key column's canonical value.
func (k *key) named(column string) string {
	if i := slices.Index(k.table.rule.Key, column); i >= 0 {
		return k.columns[i]
	}
	return ""
}

// tokens says which templates a key went through: keys alike in that are alike
// in how much they vary (an ephemeral listener is no look-alike of a fixed one).
// What looks like an ephemeral port in a text is one number of many.
func tokens(rule *pack.Query, columns []string) string {
	var found []string
	for i, value := range columns {
		isPort := rule.Template[rule.Key[i]] == pack.TemplatePort
		for rest := value; ; {
			_, after, ok := strings.Cut(rest, "<")
			if !ok {
				break
			}
			token, tail, closed := strings.Cut(after, ">")
			if !closed {
				break
			}
			if rest = tail; token != "eph" || isPort {
				found = append(found, token)
			}
		}
	}
	slices.SortFunc(found, cmp.Compare)
	return strings.Join(slices.Compact(found), " ")
}

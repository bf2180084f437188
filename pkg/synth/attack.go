package synth

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// An attack is a thing that an intruder does to a machine. It changes the
// machine, not rows, so it leaves what it would leave in every query. What it
// leaves is told from what was there by the strings that it marks.
type attack struct {
	name  string
	what  string   // the technique, as ground truth words it
	main  []string // the pack's queries whose rows a responder needs to see
	ends  bool     // shows by what is gone or stopped, not by what is new
	rule  bool     // wrong even where every host shows it
	plain bool     // visible in plain tables too
	fits  func(m *machine) bool
	run   func(s *strike)
}

// strike is one attack on one machine. Hosts of one campaign share the chances
// that decide names and addresses; pids and times are each host's own.
type strike struct {
	m      *machine
	attack *attack
	shared *rand.Rand
	rng    *rand.Rand
	when   int64
	marks  []mark
}

// mark is a string that tells an attack's rows; with a query, of that query
// only.
type mark struct{ query, value string }

// attacks lists every kind, by the tactic's file.
var attacks = slices.Concat(processAttacks, persistenceAttacks, startupAttacks, accountAttacks, kernelAttacks, defenceAttacks, networkAttacks, containerAttacks)

func (s *strike) mark(values ...string) { s.markIn("", values...) }

func (s *strike) markIn(query string, values ...string) {
	for _, v := range values {
		s.marks = append(s.marks, mark{query, v})
	}
}

// drop writes a file of the intruder's.
func (s *strike) drop(path, mode, content string) {
	s.m.fresh(path, mode, fmt.Sprint(s.attack.name, " ", content, s.shared.Uint64()), s.when)
	s.mark(path)
}

// start runs a process of the intruder's.
func (s *strike) start(parent *process, user, path, cwd, command string) *process {
	if parent == nil {
		parent = s.m.process(1)
	}
	p := s.m.spawn(parent, user, path, cwd, command)
	p.start = max(s.when, s.m.boot+5)
	if p.parent == 1 {
		p.unit, p.cgroup = "", pick(s.rng, []string{"/system.slice/cron.service", "/system.slice/ssh.service", "/user.slice/user-0.slice/session-" + itoa(between(s.rng, 3, 900)) + ".scope"})
	}
	return p
}

// calls connects a process to the intruder's server.
func (s *strike) calls(p *process, port int) {
	remote := publicAddress(s.shared)
	p.sockets = append(p.sockets, socket{tcp, 2, s.m.addr, ephemeral(s.rng), remote, port, "ESTABLISHED"})
	s.mark(remote)
}

var callPorts = []int{443, 443, 443, 8443, 80, 53, 4444, 1337, 8080, 22, 9001, 5555, 2053}

// strikeAll lets the intruder at a machine: attacks in the order drawn, until
// enough of those that fit have been carried out.
func (f *Fleet) strikeAll(m *machine, plan assault) []*strike {
	var done []*strike
	for k, a := range plan.order {
		if len(done) == plan.count {
			break
		}
		if !f.wanted(a) || a.fits != nil && !a.fits(m) {
			continue
		}
		own := chances(f.spec.Seed, "own", m.index, k)
		shared := chances(f.spec.Seed, plan.key, k)
		when := max(m.boot+10, m.now-int64(between(shared, 600, 250_000))-own.Int64N(400))
		if shared.IntN(10) == 0 {
			when = max(m.launch+10, m.now-int64(between(shared, 250_000, 2_000_000)))
		}
		m.rng = own
		s := &strike{m: m, attack: a, shared: shared, rng: own, when: when}
		a.run(s)
		done = append(done, s)
	}
	return done
}

func (f *Fleet) wanted(a *attack) bool {
	return (len(f.spec.Kinds) == 0 || slices.Contains(f.spec.Kinds, a.name)) && (f.spec.Form == Pack || a.plain)
}

// AttackKinds returns the names of all kinds of attack, in the order of the
// source.
func AttackKinds() []string {
	var out []string
	for _, a := range attacks {
		out = append(out, a.name)
	}
	return out
}

// helper returns some process of the application that could be broken into: a
// child of it is what a web shell looks like.
func (m *machine) exposed() *process {
	var open []*process
	for _, p := range m.processes {
		if len(p.listens) > 0 && p.uid != 0 && !p.foreign && m.file(p.path) != nil && p.unit != "" {
			open = append(open, p)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return open[len(open)-1]
}

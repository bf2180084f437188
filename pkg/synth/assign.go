package synth

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// assign deals roles, images, releases and instance types out to the hosts. In
// a group of some size each kind has at least two hosts: a rolling deploy is a
// subpopulation, not one odd host.
func (p *plan) assign(r *rand.Rand) {
	n := p.spec.Hosts
	roleOf, order := make([]int, n), r.Perm(n)
	p.members = make([][]int, len(p.roles))
	for k, host := range order {
		roleOf[host] = k % len(p.roles)
	}
	for host, role := range roleOf {
		p.members[role] = append(p.members[role], host)
	}
	newer := make([]bool, n)
	rolling := often(r, 0.6)
	for _, hosts := range p.members {
		if rolling {
			p.split(r, hosts, newer)
		}
	}
	baked := make([]bool, n)
	if len(p.images) > 1 {
		if rolling && often(r, 0.5) {
			copy(baked, newer) // the release came with the image
		} else {
			p.split(r, r.Perm(n), baked)
		}
	}
	other := make([]bool, n)
	p.types = some(r, instanceTypes, 1)
	if n >= 6 && often(r, 0.4) {
		p.types = some(r, instanceTypes, 2)
		p.split(r, r.Perm(n), other)
	}
	p.assigned = make([]uint16, n)
	for i := range n {
		p.assigned[i] = uint16(p.variantIndex(roleOf[i], at(baked[i]), at(other[i]), newer[i]))
	}
}

// split marks some of the hosts.
func (p *plan) split(r *rand.Rand, hosts []int, marked []bool) {
	n := len(hosts)
	k := int(float64(n)*(0.12+0.5*r.Float64()) + 0.5)
	switch {
	case n >= 4:
		k = max(2, min(k, n-2))
	case p.spec.Hosts >= 8:
		k = n * r.IntN(2) // a small role moves as a whole
	case often(r, 0.7):
		k = 0
	default:
		k = 1
	}
	for _, host := range some(r, hosts, k) {
		marked[host] = true
	}
}

func at(second bool) int {
	if second {
		return 1
	}
	return 0
}

func (p *plan) variantIndex(role, img, kind int, newer bool) int {
	want := variant{role: p.roles[role], image: p.images[img], kind: p.types[kind], newer: newer}
	i := slices.IndexFunc(p.variants, func(v *variant) bool {
		return v.role == want.role && v.image == want.image && v.kind == want.kind && v.newer == want.newer
	})
	if i < 0 {
		i = len(p.variants)
		want.versions = map[string]string{}
		p.variants = append(p.variants, &want)
	}
	return i
}

func (v *variant) release() string { return v.role.releases[at(v.newer)] }

// version is what a package is at on a kind of host. Packages of the house
// carry the release; those of the distribution a version that depends on their
// name, ahead by a revision where the image is.
func (p *plan) version(v *variant, pkg string) string {
	if got, ok := v.versions[pkg]; ok {
		return got
	}
	out := ""
	if strings.HasPrefix(pkg, v.role.app) {
		out = v.release() + "-1"
	} else {
		ahead := at(chances(p.spec.Seed, "bump", v.image.order, pkg).Float64() < v.image.bumped)
		out = p.distributed(pkg, ahead)
	}
	v.versions[pkg] = out
	return out
}

// distributed makes up the version of a distribution's package; ahead counts
// the revisions it is in front.
func (p *plan) distributed(pkg string, ahead int) string {
	r := chances(seedOf(p.system.name), "version", pkg)
	upstream := fmt.Sprintf("%d.%d", r.IntN(12), r.IntN(30))
	if often(r, 0.6) {
		upstream += "." + itoa(r.IntN(20))
	}
	revision := itoa(between(r, 1, 9))
	suffix, old := p.system.suffix, often(r, 0.45)
	switch {
	case !p.system.debian():
		return upstream + "-" + revision + suffix[ahead]
	case often(r, 0.1):
		upstream = "1:" + upstream
	}
	if ahead == 0 && !old {
		return upstream + "-" + revision
	}
	return upstream + "-" + revision + suffix[ahead]
}

// upstream is a version without a distribution's epoch and revision.
func upstream(version string) string {
	version, _, _ = strings.Cut(version, "-")
	return strings.TrimPrefix(version, "1:")
}

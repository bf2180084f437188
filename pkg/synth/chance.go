package synth

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
)

// chances returns a source of chance that depends on the seed and on what it is
// for, and on nothing else: what one host draws never changes another.
func chances(seed uint64, purpose ...any) *rand.Rand {
	return rand.New(rand.NewPCG(seed, seedOf(purpose...)))
}

func seedOf(parts ...any) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		fmt.Fprintf(h, "%v\x00", p)
	}
	return h.Sum64()
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// often is true with probability p.
func often(r *rand.Rand, p float64) bool { return r.Float64() < p }

// between draws from lo to hi, both included.
func between(r *rand.Rand, lo, hi int) int { return lo + r.IntN(hi-lo+1) }

// some draws k different elements of list, or all of them.
func some[T any](r *rand.Rand, list []T, k int) []T {
	order := r.Perm(len(list))
	out := make([]T, 0, k)
	for _, i := range order[:min(k, len(list))] {
		out = append(out, list[i])
	}
	return out
}

func hexes(r *rand.Rand, n int) string { return letters(r, "0123456789abcdef", n) }

func letters(r *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func uuid(r *rand.Rand) string {
	h := hexes(r, 32)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

func hardwareAddress(r *rand.Rand) string {
	h := "06" + hexes(r, 10)
	return h[:2] + ":" + h[2:4] + ":" + h[4:6] + ":" + h[6:8] + ":" + h[8:10] + ":" + h[10:]
}

// linkLocal derives the fe80:: address that an interface gives itself.
func linkLocal(mac string) string {
	p := strings.Split(mac, ":")
	return "fe80::4" + p[1][1:] + p[1] + ":" + p[2] + "ff:fe" + p[3] + ":" + p[4] + p[5]
}

func ephemeral(r *rand.Rand) int { return between(r, 32768, 60999) }

// publicAddress draws an address of the open internet.
func publicAddress(r *rand.Rand) string {
	first := pick(r, []int{3, 13, 18, 23, 34, 44, 45, 51, 52, 54, 62, 77, 81, 89, 91, 93, 104, 128, 139, 146, 151, 159, 176, 185, 188, 193, 194, 195, 212})
	return fmt.Sprintf("%d.%d.%d.%d", first, between(r, 1, 250), r.IntN(256), between(r, 1, 254))
}

func sha(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

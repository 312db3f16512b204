// Command loadgen measures orders as its clients see it, for `hopwatch-stack matrix`.
//
//	loadgen run -protocol grpc -address 127.0.0.1:15051 -rate 200 -seconds 10 -warmup 3 -seed 1
//	loadgen hold -protocol grpc -address 127.0.0.1:15051 -rate 200 -seconds 3 -limit 20
//	loadgen wait -protocol rest -address 127.0.0.1:15052
//	loadgen sink -grpc 127.0.0.1:4317 -http 127.0.0.1:4318
//
// What it tells are lines of JSON on stdout, each with an "event".
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "loadgen:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, words []string) error {
	if len(words) == 0 {
		return errors.New("say what to do: run, hold, wait or sink")
	}
	switch words[0] {
	case "run":
		return runCommand(ctx, words[1:])
	case "hold":
		return holdCommand(ctx, words[1:])
	case "wait":
		return waitCommand(ctx, words[1:])
	case "sink":
		return sinkCommand(ctx, words[1:])
	default:
		return fmt.Errorf("nobody knows %q: there are run, hold, wait and sink", words[0])
	}
}

// target is what run, hold and wait have in common: where orders are, and how they are asked.
type target struct{ protocol, address string }

func (t *target) flags(set *flag.FlagSet) {
	set.StringVar(&t.protocol, "protocol", "grpc", "grpc or rest")
	set.StringVar(&t.address, "address", "127.0.0.1:15051", "host:port of orders")
}

func (t *target) open() (transport, error) {
	switch t.protocol {
	case "grpc":
		return newGRPC(t.address)
	case "rest":
		return newREST(t.address), nil
	default:
		return nil, fmt.Errorf("-protocol is grpc or rest, not %q", t.protocol)
	}
}

func runCommand(ctx context.Context, words []string) error {
	tally, err := load(ctx, "run", words, nil)
	if err != nil {
		return err
	}
	return tell(struct {
		event
		result
	}{event{"measured"}, tally.result()})
}

// holdCommand says whether p99 stays within a limit and nothing fails, as soon as that is certain.
func holdCommand(ctx context.Context, words []string) error {
	limit := 20.0
	tally, err := load(ctx, "hold", words, &limit)
	if err != nil {
		return err
	}
	return tell(struct {
		event
		Held bool `json:"held"`
	}{event{"judged"}, tally.held()})
}

// load is what run and hold have in common. limit is of p99, in ms; nil: there is none.
func load(ctx context.Context, name string, words []string, limit *float64) (*tally, error) {
	var to target
	var plan plan
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	to.flags(set)
	set.Float64Var(&plan.rate, "rate", 100, "requests a second")
	seconds := set.Float64("seconds", 10, "how long it is measured")
	warmup := set.Float64("warmup", 0, "seconds of the same load before, not measured")
	set.Uint64Var(&plan.seed, "seed", 1, "the same seed, the same requests at the same times")
	if limit != nil {
		set.Float64Var(limit, "limit", *limit, "what p99 may be, ms")
	}
	if err := set.Parse(words); err != nil {
		return nil, err
	}
	if plan.rate <= 0 || *seconds <= 0 || *warmup < 0 {
		return nil, errors.New("-rate and -seconds must be above 0, -warmup 0 or more")
	}
	plan.measured, plan.warmup = duration(*seconds), duration(*warmup)
	if limit != nil {
		plan.limit = duration(*limit / 1000)
	}
	client, err := to.open()
	if err != nil {
		return nil, err
	}
	defer client.close()
	mix, err := learnPatiently(ctx, client, plan.seed)
	if err != nil {
		return nil, fmt.Errorf("orders at %s by %s: %w", to.address, to.protocol, err)
	}
	return run(ctx, client, mix, plan, func() { _ = tell(event{"measuring"}) })
}

// waitCommand ends when the first call was answered.
func waitCommand(ctx context.Context, words []string) error {
	var to target
	set := flag.NewFlagSet("wait", flag.ContinueOnError)
	to.flags(set)
	if err := set.Parse(words); err != nil {
		return err
	}
	if err := tell(event{"waiting"}); err != nil {
		return err
	}
	if err := firstAnswer(ctx, to); err != nil {
		return err
	}
	return tell(event{"answered"})
}

type event struct {
	Event string `json:"event"`
}

func tell(what any) error { return json.NewEncoder(os.Stdout).Encode(what) }

func duration(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second))
}

package forwardconnector

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
)

// nobody is the name of the pipelines that keep a configuration valid where no backend takes a signal. They accept
// everything, so beside a backend they mustn't count as one.
const nobody = "none"

// signal is what differs between logs, metrics and traces.
type signal[T any] struct {
	items  string
	count  func(T) int
	freeze func(T)
	clone  func(T) T
}

// target is one pipeline that data is handed to.
type target[T any] struct {
	backend string
	consume func(context.Context, T) error
	mutates bool
	refused metric.MeasurementOption
}

// isolation hands data to every target, and lets none of them stand in another's way.
type isolation[T any] struct {
	signal  signal[T]
	targets []target[T]
	refused metric.Int64Counter
	log     *zap.Logger
}

// idle is what a connector without anything to start has.
type idle struct {
	component.StartFunc
	component.ShutdownFunc
}

// Capabilities says that what comes in is never changed: a pipeline that changes its data gets a copy.
func (idle) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: false}
}

// router is what the collector hands a connector: the pipelines behind it, each to be had alone.
type router[C any] interface {
	Consumer(...pipeline.ID) (C, error)
	PipelineIDs() []pipeline.ID
}

type capable interface {
	Capabilities() consumer.Capabilities
}

func newIsolation[T any, C capable](
	set connector.Settings, kind signal[T], next C, consume func(C, context.Context, T) error,
) (*isolation[T], error) {
	pipelines, known := any(next).(router[C])
	if !known {
		return nil, fmt.Errorf("forward: %T can't be asked for its pipelines", next)
	}
	counter, err := set.MeterProvider.Meter("orchestrator-telemetry/otel-collector/forwardconnector").Int64Counter(
		"otelcol_connector_refused_"+kind.items,
		metric.WithDescription("How many a backend didn't take, its queue being full for example."),
	)
	if err != nil {
		return nil, err
	}
	made := &isolation[T]{signal: kind, refused: counter, log: set.Logger}
	ids := pipelines.PipelineIDs()
	slices.SortFunc(ids, func(a, b pipeline.ID) int { return strings.Compare(a.String(), b.String()) })
	for _, id := range ids {
		if id.Name() == nobody && len(ids) > 1 {
			continue
		}
		to, err := pipelines.Consumer(id)
		if err != nil {
			return nil, err
		}
		refused := metric.WithAttributeSet(attribute.NewSet(
			attribute.String("connector", set.ID.String()), attribute.String("backend", id.Name())))
		counter.Add(context.Background(), 0, refused) // a series that is there before the first refusal
		made.targets = append(made.targets, target[T]{
			backend: id.Name(),
			consume: func(ctx context.Context, data T) error { return consume(to, ctx, data) },
			mutates: to.Capabilities().MutatesData,
			refused: refused,
		})
	}
	return made, nil
}

// hand gives data to every target at once, and refuses it only when all of them did: what one backend took, a
// repetition would bring there twice.
func (i *isolation[T]) hand(ctx context.Context, data T) error {
	if len(i.targets) == 1 {
		err := i.targets[0].consume(ctx, data)
		if err != nil {
			i.count(ctx, i.targets[0], i.signal.count(data), err)
		}
		return err
	}
	items := i.signal.count(data)
	shares := make([]T, len(i.targets))
	for n, to := range i.targets {
		shares[n] = data
		if to.mutates {
			shares[n] = i.signal.clone(data)
		}
	}
	i.signal.freeze(data)
	errs := make([]error, len(i.targets))
	var all sync.WaitGroup
	for n, to := range i.targets {
		all.Go(func() { errs[n] = to.consume(ctx, shares[n]) })
	}
	all.Wait()
	return i.outcome(ctx, items, errs)
}

func (i *isolation[T]) outcome(ctx context.Context, items int, errs []error) error {
	var answer error
	took := false
	for n, err := range errs {
		if err == nil {
			took = true
			continue
		}
		i.count(ctx, i.targets[n], items, err)
		// One that is worth repeating wins: a permanent one makes the client throw everything away.
		if answer == nil || consumererror.IsPermanent(answer) {
			answer = err
		}
	}
	if took {
		return nil
	}
	return answer
}

func (i *isolation[T]) count(ctx context.Context, to target[T], items int, err error) {
	i.refused.Add(ctx, int64(items), to.refused)
	i.log.Warn("refused by a backend", zap.String("backend", to.backend), zap.Int(i.signal.items, items), zap.Error(err))
}

package otlpguardextension

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
)

const (
	greeting   = 10 * time.Second // from the connection to the end of its handshake
	headerList = 16 << 10         // bytes of one request's headers
)

// GetGRPCServerOptions are the bounds of a gRPC server. The receiver's own check of the token comes after the body was
// read and unpacked; this one before.
func (g *guard) GetGRPCServerOptions(context.Context) ([]grpc.ServerOption, error) {
	options := []grpc.ServerOption{grpc.ConnectionTimeout(greeting), grpc.MaxHeaderListSize(headerList)}
	if g.asked != nil {
		options = append(options, grpc.InTapHandle(g.admit))
	}
	return options, nil
}

func (g *guard) admit(ctx context.Context, info *tap.Info) (context.Context, error) {
	if _, err := g.asked.Authenticate(ctx, info.Header); err != nil {
		return nil, status.Error(codes.Unauthenticated, err.Error())
	}
	return ctx, nil
}

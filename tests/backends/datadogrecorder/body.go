package main

import (
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"

	"github.com/klauspost/compress/zstd"
)

// maxBody bounds one decompressed request, far above what the intake itself accepts.
const maxBody = 64 << 20

// readBody gives the request's body, decompressed as its Content-Encoding says.
func readBody(request *http.Request) ([]byte, error) {
	reader, err := decompressed(request)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	body, err := io.ReadAll(io.LimitReader(reader, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = fmt.Errorf("body of more than %d bytes", maxBody)
	}
	return body, err
}

func decompressed(request *http.Request) (io.ReadCloser, error) {
	switch encoding := request.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
		return request.Body, nil
	case "gzip":
		return gzip.NewReader(request.Body)
	case "deflate":
		return zlib.NewReader(request.Body)
	case "zstd", "zstd1":
		decoder, err := zstd.NewReader(request.Body)
		if err != nil {
			return nil, err
		}
		return decoder.IOReadCloser(), nil
	default:
		return nil, fmt.Errorf("unknown Content-Encoding %q", encoding)
	}
}

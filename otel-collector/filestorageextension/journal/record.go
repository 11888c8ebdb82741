package journal

import (
	"encoding/binary"
	"hash/crc32"

	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// A record is one batch of changes, which counts as a whole or not at all: the length of its body, the body's CRC, the
// CRC of these two (each a uint32, little endian), the body. The body is one change after the other: what it does (a
// byte), the key, and the value of a set; both with their length before them (uvarint).
const (
	headerSize = 12
	deletes    = 0
	sets       = 1
)

var polynomial = crc32.MakeTable(crc32.Castagnoli)

// record appends the record of these changes to a buffer.
func record(buffer []byte, changes map[string]*storage.Operation) []byte {
	buffer = append(buffer, make([]byte, headerSize)...)
	for key, change := range changes {
		does := byte(deletes)
		if change.Type == storage.Set {
			does = sets
		}
		buffer = append(buffer, does)
		buffer = append(binary.AppendUvarint(buffer, uint64(len(key))), key...)
		if does == sets {
			buffer = append(binary.AppendUvarint(buffer, uint64(len(change.Value))), change.Value...)
		}
	}
	header, body := buffer[:headerSize], buffer[headerSize:]
	binary.LittleEndian.PutUint32(header, uint32(len(body)))
	binary.LittleEndian.PutUint32(header[4:], crc32.Checksum(body, polynomial))
	binary.LittleEndian.PutUint32(header[8:], crc32.Checksum(header[:8], polynomial))
	return buffer
}

// each calls found for every change in a sound body; at and length tell where in it a set's value lies, length is -1 for
// a key that is deleted.
func each(body []byte, found func(key string, at, length int)) {
	for at := 0; at < len(body); {
		does := body[at]
		length, size := binary.Uvarint(body[at+1:])
		at += 1 + size + int(length)
		key := string(body[at-int(length) : at])
		if does == deletes {
			found(key, 0, -1)
			continue
		}
		length, size = binary.Uvarint(body[at:])
		found(key, at+size, int(length))
		at += size + int(length)
	}
}

// scan calls found with the place and the body of every sound record. It returns where the last one ends, and whether
// something in between or behind is damaged: a last write that was cut short is no damage.
func scan(data []byte, found func(at int, body []byte)) (end int, damaged bool) {
	for at := 0; at < len(data); {
		length, sound := header(data[at:])
		body := data[min(at+headerSize, len(data)):]
		if !sound || length > len(body) || crc32.Checksum(body[:length], polynomial) != binary.LittleEndian.Uint32(data[at+4:]) {
			at++
			continue
		}
		damaged = damaged || at != end
		end = at + headerSize + length
		found(at+headerSize, body[:length])
		at = end
	}
	return end, damaged || !cutShort(data[end:])
}

func header(data []byte) (length int, sound bool) {
	if len(data) < headerSize || crc32.Checksum(data[:8], polynomial) != binary.LittleEndian.Uint32(data[8:]) {
		return 0, false
	}
	return int(binary.LittleEndian.Uint32(data)), true
}

func cutShort(rest []byte) bool {
	length, sound := header(rest)
	return len(rest) < headerSize || sound && length > len(rest)-headerSize
}

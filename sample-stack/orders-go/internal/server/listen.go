package server

import (
	"context"
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// Listen opens address so that the next instance can listen beside this one while this one drains.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	shared := net.ListenConfig{Control: func(_, _ string, connection syscall.RawConn) error {
		var option error
		err := connection.Control(func(socket uintptr) {
			option = unix.SetsockoptInt(int(socket), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		return errors.Join(err, option)
	}}
	return shared.Listen(ctx, "tcp", address)
}

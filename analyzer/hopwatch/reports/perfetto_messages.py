"""The few messages of Perfetto's trace format that a timeline needs.

Source: protos/perfetto/trace of Perfetto (perfetto_trace.proto). Fields keep their numbers there,
so what is written is what Perfetto reads; the pool is our own, beside whoever has the whole.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_TEXT, _BOOL = Field.TYPE_STRING, Field.TYPE_BOOL
_INT32, _INT64 = Field.TYPE_INT32, Field.TYPE_INT64
_UINT32, _UINT64, _FIXED64 = Field.TYPE_UINT32, Field.TYPE_UINT64, Field.TYPE_FIXED64

_MESSAGES: Final[dict[str, dict[str, tuple[int, int | str]]]] = {
    "Trace": {"packet*": (1, "TracePacket")},
    "TracePacket": {
        "clock_snapshot": (6, "ClockSnapshot"),
        "timestamp": (8, _UINT64),
        "trusted_packet_sequence_id": (10, _UINT32),
        "track_event": (11, "TrackEvent"),
        "track_descriptor": (60, "TrackDescriptor"),
    },
    "ClockSnapshot": {"clocks*": (1, "Clock")},
    "Clock": {"clock_id": (1, _UINT32), "timestamp": (2, _UINT64)},
    "TrackDescriptor": {
        "uuid": (1, _UINT64),
        "name": (2, _TEXT),
        "process": (3, "ProcessDescriptor"),
        "parent_uuid": (5, _UINT64),
    },
    "ProcessDescriptor": {"pid": (1, _INT32), "process_name": (6, _TEXT)},
    "TrackEvent": {
        "debug_annotations*": (4, "DebugAnnotation"),
        "type": (9, _INT32),
        "track_uuid": (11, _UINT64),
        "categories*": (22, _TEXT),
        "name": (23, _TEXT),
        "flow_ids*": (47, _FIXED64),
        "terminating_flow_ids*": (48, _FIXED64),
    },
    "DebugAnnotation": {
        "bool_value": (2, _BOOL),
        "int_value": (4, _INT64),
        "string_value": (6, _TEXT),
        "name": (10, _TEXT),
    },
}
"""By message: field, `*` for a repeated one -> its number, and its type or the message it is."""

SLICE_BEGIN: Final = 1
SLICE_END: Final = 2
"""Values of `TrackEvent.type`."""
REALTIME: Final = 1
BOOTTIME: Final = 6
"""Clocks: that of the wall, and that of time stamps."""


def _trace_class() -> type[Any]:
    package = "hopwatch.perfetto"
    file = FileDescriptorProto(name="hopwatch/perfetto.proto", package=package, syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, type_) in fields.items():
            repeated = field.endswith("*")
            added = message.field.add(
                name=field.rstrip("*"),
                number=number,
                label=Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL,
            )
            if isinstance(type_, str):
                added.type, added.type_name = Field.TYPE_MESSAGE, f".{package}.{type_}"
            else:
                added.type = type_  # type: ignore[assignment]
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName(f"{package}.Trace"))


Trace: Final = _trace_class()

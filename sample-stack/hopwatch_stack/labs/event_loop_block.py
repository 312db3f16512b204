"""The BFF's one thread computes, and all its requests wait."""

from .lab import Answer, Lab

LAB = Lab(
    name="event-loop-block",
    title="Everyone waits for someone",
    symptom="Now and then every page of the shop is slow at once, whatever it shows. "
    "The Go service and the database are bored.",
    baggage="hopwatch.lab.event-loop-block=shop-bff/api/products:150ms",
    share=0.2,
    measure="hopwatch.lab.block_ms",
    answer=Answer(
        hop="shop-bff",
        language="nodejs",
        kind="self",
        where="the handler of GET /api/products",
        explanation="One request in five keeps the BFF's event loop busy for 150 ms. It shows as "
        "the BFF's own time in that request. In the requests beside it, innocent ones, it shows as "
        "gaps to and from the BFF: their answers had come but nobody was free to read them. The "
        "event loop's delay (nodejs.eventloop.delay.*) rises, and the BFF's CPU time with it.",
    ),
)

"""Traffic with a known truth: a scenario is executed event by event, its spans are recorded as
real SDKs, clocks and networks would have it, and who was truly waited for is kept beside them.

scenario, parsing   what is simulated, and its TOML
program             a scenario as nodes that the kernel executes
kernel              the discrete-event simulation
observation         true spans -> the span table as it is received
truth               the true ledger and the clocks
scoring             how far an estimated ledger is from the truth
"""

"""The decision matrix: orders in each language, by each protocol, measured under the same loads.

contenders                        what is compared
bench, loadgen                    what they stand on; who asks them, and how it is told
turn, capacity                    one turn of one contender; how much it can take
code, artifacts, libraries, machine   what is counted, not timed; where it was
rows, statistics                  what is measured, in words; how sure it is, and in which order
document, compare                 a whole run as JSON (`hopwatch.matrix/1`); two runs
running, words                    the plan of a run, turn by turn; what it says on a terminal
"""

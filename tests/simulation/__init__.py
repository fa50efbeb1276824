"""Deterministic simulation: every order in which concurrent executions can call AWS, with faults.

The functions of app.py and the state machine's definition run as they are. Nothing runs concurrently
here: a scheduler makes one AWS call at a time, of whichever function it likes.

    cells         the world: what S3, DynamoDB, Rekognition, SES, SQS and Step Functions hold, immutable
    services      what each AWS call does to the world; dynamodb: its part
    calls         calls that are made, and what came of them
    stand_ins     what the functions see of it: clients, a clock
    invocations   a run of a function, taken up again after any of its calls
    machines      an execution of the state machine, taken up again after any of its tasks
    faults        what can go wrong at a call
    system        all of these together: a state of the system, and what can happen next
    events        what EventBridge sends
    explore       all that can happen (exhaustively, each state once) or some of it (at random)
    classes       how many schedules differ by more than the order of calls that commute
    invariants    what must hold in the end, whatever happened
    traces        a schedule as a person reads it
    scenarios     what riders, operators and events do

docs/decisions/simulation.md says why it is built like this, and what it found.
"""

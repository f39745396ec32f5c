// The whole of Signalbox from outside: the built executable with real clients. One test at a time,
// because each starts programs of its own and the machine may be small.

import Testing

/// All end-to-end tests, one after the other.
@Suite(.serialized) enum EndToEnd {}

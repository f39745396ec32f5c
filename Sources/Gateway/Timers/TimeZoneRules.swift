// TimeZoneRules: the clock of one place: when its offset from UTC changes. Values only; files are
// read by TimeZoneStore, their format by TZifReader.

/// When the offset of a time zone changes.
///
/// Any thread.
struct TimeZoneRules: Sendable, Equatable {
    /// A stretch of time in which the offset does not change.
    struct Segment: Equatable {
        /// Its first second.
        var start: Int64
        /// The first second behind it.
        var end: Int64
        /// Local time minus UTC, in seconds.
        var offset: Int64
        /// Local time, counted like UTC, up to which the segment before had been.
        var repeatedUntil: Int64
        /// Seconds by which the clock goes forward at `end`; negative if it goes back.
        var gap: Int64
    }

    /// A change of the offset.
    struct Change: Sendable, Equatable {
        /// The moment, in seconds since 1970.
        var at: Int64
        /// The offset from then on, in seconds.
        var offset: Int64
    }

    /// The zone without changes: UTC.
    static let utc = TimeZoneRules(name: "UTC", initial: 0, changes: [])

    /// Its name in the IANA list.
    let name: String
    private let initial: Int64
    private let changes: [Change]

    /// Makes rules of `changes` in order of time; those that change nothing are left out.
    init(name: String, initial: Int64, changes: [Change]) {
        self.name = name
        self.initial = initial
        var offset = initial
        self.changes = changes.filter { change in
            defer { offset = change.offset }
            return change.offset != offset
        }
    }

    /// The segment that `seconds` since 1970 lies in.
    func segment(at seconds: Int64) -> Segment {
        var low = 0
        var high = changes.count  // the number of changes at or before `seconds`
        while low < high {
            let middle = (low + high) / 2
            if changes[middle].at <= seconds { low = middle + 1 } else { high = middle }
        }
        let offset = low == 0 ? initial : changes[low - 1].offset
        let start = low == 0 ? Int64.min : changes[low - 1].at
        let before = low >= 2 ? changes[low - 2].offset : initial
        let end = low < changes.count ? changes[low].at : Int64.max / 2
        let after = low < changes.count ? changes[low].offset : offset
        return Segment(
            start: start, end: end, offset: offset,
            repeatedUntil: low == 0 ? Int64.min : start + before, gap: after - offset)
    }
}

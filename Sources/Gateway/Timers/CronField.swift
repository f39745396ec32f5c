// CronField: one field of a cron expression: lists of numbers, names, ranges and steps.
//
//     *   */15   8-17   22-6   10/20   mon-fri   l   l5   tue#2   1,15,l

internal import Bytes

/// What one of the five fields may hold.
///
/// Any thread.
struct CronField: Sendable {
    /// What a field says.
    struct Value: Equatable {
        /// Bit per number.
        var numbers: UInt64 = 0
        /// `*` or `?`: it says nothing.
        var isAny = false
        /// It lists every number there is.
        var isAll = false
        /// `L` in the day of the month.
        var hasLast = false
        /// `#` and `L` in the day of the week.
        var nth = WeekdayOrdinals()
    }

    static let minute = CronField(name: "minute", range: 0...59)
    static let hour = CronField(name: "hour", range: 0...23)
    static let day = CronField(name: "day of month", range: 1...31, isDay: true)
    static let month = CronField(
        name: "month", range: 1...12,
        names: [
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ])
    /// 0 and 7 are both Sunday.
    static let weekday = CronField(
        name: "day of week", range: 0...7,
        names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
        isDay: true, isWeekday: true)

    private let name: String
    private let range: ClosedRange<Int>
    private var names: [String] = []
    private var isDay = false
    private var isWeekday = false

    private init(
        name: String, range: ClosedRange<Int>, names: [String] = [], isDay: Bool = false,
        isWeekday: Bool = false
    ) {
        self.name = name
        self.range = range
        self.names = names
        self.isDay = isDay
        self.isWeekday = isWeekday
    }

    /// The bits of all numbers.
    var all: UInt64 {
        (UInt64(1) << (highest + 1)) &- (UInt64(1) << range.lowerBound)
    }

    /// The highest number of the field, 7 as a second name for Sunday apart.
    private var highest: Int { isWeekday ? 6 : range.upperBound }

    /// Reads the lower-case text of the field.
    func read(_ text: String) throws(CronExpression.Fault) -> Value {
        var value = Value()
        if text == "*" || (text == "?" && isDay) {
            value.isAny = true
            value.isAll = true
            value.numbers = all
            return value
        }
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            try add(item, to: &value, text)
        }
        value.isAll = value.numbers == all
        return value
    }

    private func add(
        _ item: Substring, to value: inout Value, _ text: String
    ) throws(CronExpression.Fault) {
        if item == "l", isDay, !isWeekday {
            value.hasLast = true
            return
        }
        if isWeekday, item.first == "l", item.count == 2 {
            let day = try number(item.dropFirst(), text) % 7
            value.nth[day] |= 1 << WeekdayOrdinals.last
            return
        }
        if isWeekday, let mark = item.firstIndex(of: "#") {
            guard let ordinal = Int(item[item.index(after: mark)...]), (1...5).contains(ordinal)
            else { throw fault(text, "after # comes 1 to 5") }
            for day in 0..<7 where try numbers(item[..<mark], text) & (1 << day) != 0 {
                value.nth[day] |= 1 << ordinal
            }
            return
        }
        value.numbers |= try numbers(item, text)
    }

    /// The numbers of one item: a number, a range, `*`, each with a step or without.
    private func numbers(
        _ item: Substring, _ text: String
    ) throws(CronExpression.Fault) -> UInt64 {
        let parts = item.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2 else { throw fault(text, "one step is enough") }
        var step = 1
        if parts.count == 2 {
            guard let count = Self.plain(parts[1]), (1...range.upperBound).contains(count) else {
                throw fault(text, "a step is 1 to \(range.upperBound)")
            }
            step = count
        }
        let bounds = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        switch bounds.count {
        case 1 where bounds[0] == "*":
            return run(from: range.lowerBound, through: highest, step)
        case 1:
            let start = try number(bounds[0], text)
            // `10/20` is `10-59/20`, as in croniter and Quartz.
            return run(from: start, through: parts.count == 2 ? highest : start, step)
        case 2:
            return run(
                from: try number(bounds[0], text), through: try number(bounds[1], text), step)
        default: throw fault(text, "a range has two ends")
        }
    }

    /// Bits from `start` through `end`, round the end of the field if `end` comes before.
    private func run(from start: Int, through end: Int, _ step: Int) -> UInt64 {
        // 7 as a beginning is the Sunday before Monday.
        let start = isWeekday && start == 7 && end != 7 ? 0 : start
        let size = highest - range.lowerBound + 1
        let last = end >= start ? end : end + size
        var bits: UInt64 = 0
        for number in stride(from: start, through: last, by: step) {
            bits |= 1 << ((number - range.lowerBound) % size + range.lowerBound)
        }
        return bits
    }

    private func number(
        _ word: Substring, _ text: String
    ) throws(CronExpression.Fault) -> Int {
        if let place = names.firstIndex(of: String(word)) {
            return place + (isWeekday ? 0 : 1)
        }
        guard let number = Self.plain(word) else {
            throw fault(text, "\"\(word)\" is no number" + (names.isEmpty ? "" : " or name"))
        }
        guard range.contains(number) else {
            throw fault(text, "\(number) is not within \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// One to three digits.
    private static func plain(_ word: Substring) -> Int? {
        (1...3).contains(word.utf8.count) && word.utf8.allSatisfy(ASCII.isDigit) ? Int(word) : nil
    }

    private func fault(_ text: String, _ problem: String) -> CronExpression.Fault {
        CronExpression.Fault(problem: "in the \(name) \"\(text)\": \(problem)")
    }
}

import Glibc

extension Timestamp {
    /// The machine's clock. For the edges of the system only: what decides is given its time.
    public static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: what four digits of a year can express.
    public static let earliestText = Timestamp(milliseconds: -62_167_219_200_000)
    public static let latestText = Timestamp(milliseconds: 253_402_300_799_999)

    /// The instant, moved into the range that has a text.
    public var clampedToText: Timestamp { min(max(self, Self.earliestText), Self.latestText) }

    /// RFC 3339 in UTC with milliseconds, e.g. `2026-11-21T11:44:36.250Z`. Instants outside `earliestText...latestText` are clamped to it.
    public var text: String {
        String(unsafeUninitializedCapacity: Self.textBytes) { buffer in
            write(to: buffer.baseAddress.unsafelyUnwrapped)
            return Self.textBytes
        }
    }

    /// The length of `text`.
    static let textBytes = 24

    /// Writes `text` to where there is room for it.
    func write(to bytes: UnsafeMutablePointer<UInt8>) {
        let instant = clampedToText.milliseconds
        let day = instant.floorDivided(by: 86_400_000)
        var rest = instant - day * 86_400_000
        let date = CivilDate(daysSince1970: day)
        func put(_ value: Int64, at position: Int, digits: Int) {
            var value = UInt32(truncatingIfNeeded: value)
            for index in (position..<position + digits).reversed() {
                bytes[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value % 10)
                value /= 10
            }
        }
        func mark(_ character: Unicode.Scalar, at position: Int) { bytes[position] = UInt8(ascii: character) }
        put(rest % 1000, at: 20, digits: 3)
        rest /= 1000
        put(rest % 60, at: 17, digits: 2)
        put(rest / 60 % 60, at: 14, digits: 2)
        put(rest / 3600, at: 11, digits: 2)
        put(date.day, at: 8, digits: 2)
        put(date.month, at: 5, digits: 2)
        put(date.year, at: 0, digits: 4)
        mark("-", at: 4)
        mark("-", at: 7)
        mark("T", at: 10)
        mark(":", at: 13)
        mark(":", at: 16)
        mark(".", at: 19)
        mark("Z", at: 23)
    }

    /// Reads RFC 3339 (`T` and `Z` in either case, a space for `T`, any offset, any number of decimals, cut to milliseconds; second 60 is the next minute's
    /// first). Nil for any other text.
    public static func parse(_ text: String) -> Timestamp? { text.withBytes { parse($0) } }

    static func parse(_ text: UnsafeBufferPointer<UInt8>) -> Timestamp? {
        guard text.count >= 20, text.count <= 64 else { return nil }
        // What is no digit where one belongs is noted here: asked for once, not for each.
        var hasOnlyDigits = true
        @inline(__always) func digit(_ place: Int) -> Int64 {
            let digit = text[place] &- UInt8(ascii: "0")
            if digit > 9 { hasOnlyDigits = false }
            return Int64(digit)
        }
        @inline(__always) func two(_ place: Int) -> Int64 { digit(place) * 10 + digit(place + 1) }
        @inline(__always) func has(_ character: Unicode.Scalar, at position: Int) -> Bool { text[position] == UInt8(ascii: character) }
        let (year, month, day) = (two(0) * 100 + two(2), two(5), two(8))
        let (hour, minute, second) = (two(11), two(14), two(17))
        guard hasOnlyDigits, has("-", at: 4), has("-", at: 7), has("T", at: 10) || has("t", at: 10) || has(" ", at: 10),
            has(":", at: 13), has(":", at: 16),
            (1...12).contains(month), (1...CivilDate.days(in: month, of: year)).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }

        var position = 19
        var milliseconds: Int64 = 0
        if has(".", at: position) {
            position += 1
            var weight: Int64 = 100
            let first = position
            while position < text.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[position]) {
                milliseconds += digit(position) * weight
                weight /= 10
                position += 1
            }
            guard position > first else { return nil }
        }
        guard position < text.count else { return nil }
        var offsetMinutes: Int64 = 0
        if has("Z", at: position) || has("z", at: position) {
            guard position + 1 == text.count else { return nil }
        } else {
            guard has("+", at: position) || has("-", at: position), position + 6 == text.count, has(":", at: position + 3) else {
                return nil
            }
            let (hours, minutes) = (two(position + 1), two(position + 4))
            guard hasOnlyDigits, hours < 24, minutes < 60 else { return nil }
            offsetMinutes = (has("-", at: position) ? -1 : 1) * (hours * 60 + minutes)
        }
        let days = CivilDate(year: year, month: month, day: day).daysSince1970
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offsetMinutes * 60
        let instant = Timestamp(milliseconds: seconds * 1000 + milliseconds)
        return instant >= earliestText && instant <= latestText ? instant : nil
    }
}

extension Timestamp: CustomStringConvertible {
    public var description: String { text }
}

/// A day of the proleptic Gregorian calendar. Source of the arithmetic: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
struct CivilDate: Equatable {
    var year: Int64
    var month: Int64
    var day: Int64

    init(year: Int64, month: Int64, day: Int64) {
        self.year = year
        self.month = month
        self.day = day
    }

    init(daysSince1970 days: Int64) {
        let shifted = days + 719_468
        let era = shifted.floorDivided(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    var daysSince1970: Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear.floorDivided(by: 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension Int64 {
    /// Division that rounds towards minus infinity; `divisor` is positive.
    fileprivate func floorDivided(by divisor: Int64) -> Int64 { (self >= 0 ? self : self - divisor + 1) / divisor }
}

import Envelopes

/// A five-field cron expression (minute, hour, day of month, month, day of week), in UTC, with a resolution of one minute.
///
/// Ranges (`1-5`), lists (`1,3`), steps (`*/15`, `10-40/10`, `5/20`), and the English names of months and days in three letters. 0 and 7 are both Sunday.
/// As everywhere, when day of month and day of week are both restricted (neither begins with `*`), a day that meets either counts.
public struct Cron: Sendable, Hashable, CustomStringConvertible {
    private let minutes: UInt64
    private let hours: UInt64
    private let daysOfMonth: UInt64
    private let months: UInt64
    private let daysOfWeek: UInt64
    private let eitherDay: Bool
    public let description: String

    public init(parsing text: String) throws(LanguageError) {
        let fields = CronField.split(text)
        guard fields.count == CronField.Kind.allCases.count else {
            let column = fields.count > 5 ? fields[5].column : 1
            throw LanguageError(
                column: column, message: "\(fields.count) fields, expected five: minute, hour, day of month, month, day of week")
        }
        minutes = try CronField.set(fields[0], .minute)
        hours = try CronField.set(fields[1], .hour)
        daysOfMonth = try CronField.set(fields[2], .dayOfMonth)
        months = try CronField.set(fields[3], .month)
        daysOfWeek = try CronField.set(fields[4], .dayOfWeek)
        eitherDay = !fields[2].text.hasPrefix("*") && !fields[4].text.hasPrefix("*")
        description = text
        if next(after: Timestamp(milliseconds: 0)) == nil { throw LanguageError(column: fields[2].column, message: "this day never comes") }
    }

    /// The first tick later than `instant`; nil when none comes within 60 years or before the year 10000.
    public func next(after instant: Timestamp) -> Timestamp? {
        let minute = (instant.milliseconds.flooringDivision(by: 60_000)) + 1
        var day = minute.flooringDivision(by: 1440)
        var earliest = Int(minute - day * 1440)
        guard day > -1_000_000_000, day < 2_900_000 else { return nil }
        for _ in 0..<(60 * 366) {
            if isDay(day), let inDay = nextMinute(from: earliest) {
                return Timestamp(milliseconds: (day * 1440 + Int64(inDay)) * 60_000)
            }
            day += 1
            earliest = 0
        }
        return nil
    }

    private func nextMinute(from earliest: Int) -> Int? {
        for hour in (earliest / 60)..<24 where hours & (1 << UInt64(hour)) != 0 {
            let first = hour == earliest / 60 ? earliest % 60 : 0
            for minute in first..<60 where minutes & (1 << UInt64(minute)) != 0 { return hour * 60 + minute }
        }
        return nil
    }

    private func isDay(_ day: Int64) -> Bool {
        let (month, dayOfMonth) = Self.monthAndDay(ofDay: day)
        guard months & (1 << UInt64(month)) != 0 else { return false }
        let weekday = UInt64((day + 4) - ((day + 4).flooringDivision(by: 7)) * 7)
        let inMonth = daysOfMonth & (1 << UInt64(dayOfMonth)) != 0
        let inWeek = daysOfWeek & (1 << weekday) != 0
        return eitherDay ? inMonth || inWeek : inMonth && inWeek
    }

    /// The civil month (1...12) and day (1...31) of a day counted from 1970-01-01. Source: Howard Hinnant, `civil_from_days`.
    static func monthAndDay(ofDay day: Int64) -> (month: Int, day: Int) {
        let shifted = day + 719_468
        let era = shifted.flooringDivision(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        return (Int(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9), Int(dayOfMonth))
    }
}

extension Int64 {
    fileprivate func flooringDivision(by divisor: Int64) -> Int64 { self / divisor - (self % divisor < 0 ? 1 : 0) }
}

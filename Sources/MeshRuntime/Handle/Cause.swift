import BotKit
import Envelopes

/// An input, as far as the events depend on it that a bot produces because of it.
struct Cause {
    let event: Event
    /// The identity of the input: the event's, or the reminder's. Ids of what it leads to are derived from it.
    let id: EventID
    let run: Run
    /// When the bot was told.
    let now: Timestamp
    /// Later inputs of the key may have been handled before it.
    let wasOvertaken: Bool
    /// What a replay has marked it with, and the id that it had in its original run; nil for an input that belongs to no replay.
    let replay: (marks: ReplayMarks, originalID: EventID?)?

    /// What belongs to a replay says so in its headers, and so carries something.
    init(_ event: Event, _ carried: Carried?, run: Run, at now: Timestamp) {
        self.event = event
        self.run = run
        self.now = now
        guard let passport = carried?.passport else {
            (id, wasOvertaken, replay) = (event.envelope.id, false, nil)
            return
        }
        id = passport.inputID(of: event)
        wasOvertaken = passport.wasOvertaken
        replay = passport.replayMarks(of: event).map { ($0, passport.originalInputID(of: event)) }
    }
}

import Terminal

/// The live view.
enum TopCommands {
    static let all = [
        Command(
            "top", summary: "Watch the mesh live, full screen: bots, lag, rates, errors, dead letters, running workflows",
            discussion: """
                Works over ssh and in tmux, from 80 columns by 24 lines on. A run is open until an event that ends it (deploy.completed, build.failed, …),
                or until ten quiet minutes have passed; a single event that nothing followed, two minutes.

                  Tab, ← →     next pane, previous pane      / TEXT   only rows with the text; Esc takes it back
                  ↑ ↓, j k     select a row                  Enter, t opens the selected run: mesh trace
                  p            pauses the selected bot, or lets it go on; asks first
                  r            puts the bot's dead letters back: mesh dlq redrive; asks first
                  q, Ctrl-C    ends it
                """, run: { try Top($0).run() })
    ]
}

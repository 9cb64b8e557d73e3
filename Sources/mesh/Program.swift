import BotKit

@main
struct Program {
    static func main() {}
}

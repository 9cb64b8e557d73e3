import Envelopes

/// One dangerous call, as it looks in a line of source.
struct StaticRule: Sendable {
    enum View: Sendable {
        /// The insides of strings are not looked at.
        case code
        /// Strings are looked at, comments not.
        case strings
    }
    let id: String
    let language: SourceLanguage
    let severity: FindingSeverity
    let message: String
    let pattern: BytePattern
    let view: View
    /// Whether the match must begin at the start of a word (and not behind a dot, as a method of something else).
    let isCall: Bool

    init(
        _ id: String, _ language: SourceLanguage, _ severity: FindingSeverity, _ pattern: String, _ message: String, view: View = .code,
        isCall: Bool = false
    ) {
        self.id = id
        self.language = language
        self.severity = severity
        self.message = message
        self.pattern = BytePattern(literal: pattern)
        self.view = view
        self.isCall = isCall
    }
}

extension StaticRule {
    static let all: [StaticRule] = shell + python + javascript + swift

    private static let shell: [StaticRule] = [
        StaticRule(
            "SH001", .shell, .high, #"(curl|wget)\s[^|;\n]*\|\s*(sudo\s+(-\w+\s+)*)?(ba|z|da|k)?sh[\s"';)&|]"#,
            "runs what it downloads without a look at it; download, verify a digest, then run", isCall: true),
        StaticRule(
            "SH002", .shell, .high, #"(ba|z|da|k)?sh\s+(-c\s+)?["']?(<\(|\$\()\s*(curl|wget)\s"#,
            "runs what it downloads without a look at it; download, verify a digest, then run", isCall: true),
        StaticRule(
            "SH003", .shell, .medium, #"eval\s+[^#;|&]*[$`]"#, "eval of a value reads data as code; use an array or a function",
            isCall: true),
        StaticRule(
            "SH004", .shell, .medium, #"chmod\s+(-\w+\s+)*0?[0-7]?777"#, "lets every user write; give the least that is needed",
            isCall: true),
        StaticRule(
            "SH005", .shell, .medium, #"curl\s([^|;&\n]*\s)?(-[a-zA-Z]*k[a-zA-Z]*|--insecure)\s"#,
            "does not check the server's certificate", isCall: true),
        StaticRule(
            "SH006", .shell, .medium, #"wget\s[^|;&]*--no-check-certificate"#, "does not check the server's certificate", isCall: true),
        StaticRule(
            "SH007", .shell, .medium, #"rm\s+(-\w+\s+)*["']?\$\{?\w+\}?["']?/\*?["']?[\s;&|)]"#,
            "removes / when the variable is empty; write ${name:?}", isCall: true),
        StaticRule(
            "SH008", .shell, .medium, #"StrictHostKeyChecking[= ]+no"#, "does not check whom it connects to; ship a known_hosts file"),
        StaticRule(
            "SH009", .shell, .low, #">>?\s*["']?/tmp/[\w.\-]+"#, "a name in /tmp that others can guess; use mktemp"),
    ]

    private static let python: [StaticRule] = [
        StaticRule(
            "PY001", .python, .high, #"(eval|exec)\s*\("#, "runs data as code; use ast.literal_eval or a table of functions", isCall: true),
        StaticRule(
            "PY002", .python, .high, #"shell\s*=\s*True"#, "passes the command through a shell; give a list of arguments", isCall: true),
        StaticRule(
            "PY003", .python, .medium, #"os\.(system|popen)\s*\("#, "passes the command through a shell; use subprocess with a list",
            isCall: true),
        StaticRule(
            "PY004", .python, .high, #"(c?[pP]ickle|dill|marshal|shelve)\.(loads?|Unpickler|open)\s*\("#,
            "reading this format can run code that stands in the data; use JSON", isCall: true),
        StaticRule(
            "PY005", .python, .high, #"yaml\.(load|load_all|unsafe_load|full_load)\s*\("#,
            "can make any Python object; use yaml.safe_load", isCall: true),
        StaticRule("PY006", .python, .medium, #"verify\s*=\s*False"#, "does not check the server's certificate", isCall: true),
        StaticRule(
            "PY007", .python, .medium, #"ssl\._create_unverified_context|ssl\.CERT_NONE"#, "does not check the server's certificate",
            isCall: true),
        StaticRule(
            "PY008", .python, .medium, #"tempfile\.mktemp\s*\("#, "another process can take the name first; use mkstemp", isCall: true),
        StaticRule(
            "PY009", .python, .high, #"\.execute(many|script)?\s*\(\s*([rbu]?f["']|["'][^"'\n]*["']\s*(%|\+|\.format))"#,
            "builds SQL from text; pass the values as parameters"),
        StaticRule(
            "PY010", .python, .medium, #"\.run\s*\([^)\n]*debug\s*=\s*True"#, "the debugger gives a shell to whoever reaches the port"),
        StaticRule(
            "PY011", .python, .low, #"hashlib\.(md5|sha1)\s*\("#, "collisions of this hash can be made; use SHA-256", isCall: true),
    ]

    private static let javascript: [StaticRule] = [
        StaticRule("JS001", .javascript, .high, #"(eval|new\s+Function)\s*\("#, "runs data as code", isCall: true),
        StaticRule(
            "JS002", .javascript, .high,
            ##"exec(Sync)?\s*\(\s*(`[^`\n]*\$\{|"[^"\n]*"\s*\+|'[^'\n]*'\s*\+)"##,
            "builds a shell command from values; use execFile with a list of arguments", view: .strings),
        StaticRule(
            "JS003", .javascript, .medium, #"\.(innerHTML|outerHTML)\s*\+?=[^=]|dangerouslySetInnerHTML|document\.write(ln)?\s*\("#,
            "puts text into the page as HTML; use textContent"),
        StaticRule(
            "JS004", .javascript, .high, #"rejectUnauthorized["']?\s*:\s*false"#, "does not check the server's certificate", isCall: true),
        StaticRule(
            "JS005", .javascript, .high, #"NODE_TLS_REJECT_UNAUTHORIZED["'\]]*\s*=\s*["']?0"#, "does not check any server's certificate",
            view: .strings, isCall: true),
        StaticRule(
            "JS006", .javascript, .low, #"createHash\s*\(\s*["'](md5|sha1)["']"#, "collisions of this hash can be made; use sha256",
            view: .strings),
        StaticRule(
            "JS007", .javascript, .medium, #"([sS]ecret|[tT]oken|[pP]assword|[nN]once)\w*\s*=[^=\n]*Math\.random\s*\("#,
            "can be guessed; use crypto.randomBytes"),
        StaticRule(
            "JS008", .javascript, .medium, #"set(Timeout|Interval)\s*\(\s*["'`]"#, "runs text as code; pass a function", isCall: true),
        StaticRule(
            "JS009", .javascript, .high, #"\.query\s*\(\s*(`[^`\n]*\$\{|"[^"\n]*"\s*\+|'[^'\n]*'\s*\+)"#,
            "builds SQL from text; pass the values as parameters", view: .strings),
    ]

    private static let swift: [StaticRule] = [
        StaticRule(
            "SW001", .swift, .high, #"(system|popen)\s*\("#, "passes the command through a shell; start the program itself", isCall: true),
        StaticRule(
            "SW002", .swift, .medium, #"["']/(usr/)?bin/(ba|z)?sh["'][^\n]*["']-c["'][^\n]*\\\("#,
            "builds a shell command from values; pass them as arguments", view: .strings),
        StaticRule(
            "SW003", .swift, .high, #"NSKeyedUnarchiver\.unarchive(Object|TopLevelObjectWithData)\s*\("#,
            "can make any object; use unarchivedObject(ofClass:from:)", isCall: true),
        StaticRule(
            "SW004", .swift, .medium, #"URLCredential\s*\(\s*trust\s*:"#, "make sure that the server's trust was evaluated before this",
            isCall: true),
        StaticRule("SW005", .swift, .low, #"Insecure\.(MD5|SHA1)"#, "collisions of this hash can be made; use SHA256", isCall: true),
        StaticRule(
            "SW006", .swift, .low, #"(drand48|srand48|srand|rand|random)\s*\(\s*\)"#, "can be guessed; use SystemRandomNumberGenerator",
            isCall: true),
        StaticRule(
            "SW007", .swift, .medium, #"unsafeBitCast\s*\(|assumingMemoryBound\s*\("#, "the compiler no longer checks the memory's type",
            isCall: true),
        StaticRule(
            "SW008", .swift, .high, #"sqlite3_exec\s*\([^\n]*\\\("#, "builds SQL from text; bind the values", view: .strings, isCall: true),
    ]
}

/// How one kind of secret looks.
struct SecretRule: Sendable {
    enum Ending: Sendable {
        /// The byte behind the secret may not belong to a word.
        case wordEnd
        /// The byte behind the secret must be one of these (the end of the text does not do).
        case oneOf(ByteSet)
        case anything
    }

    let id: String
    let title: String
    /// One of these stands near every such secret (ASCII case ignored); only their surroundings are looked at.
    let keywords: [String]
    /// What stands before the secret and is no part of it. Without it the secret must begin at the start of a word.
    let lead: BytePattern?
    let value: BytePattern
    let ending: Ending
    /// The least Shannon entropy of the secret, in bits a byte.
    let entropy: Double
    /// Whether the secret may run over several lines.
    let isMultiline: Bool
    /// Whether the text could be anything, so that values which people write as examples are passed over.
    let isGeneric: Bool

    init(
        _ id: String, _ title: String, keywords: [String], lead: String? = nil, value: String, ignoresCase: Bool = false,
        ending: Ending = .wordEnd, entropy: Double = 0, isMultiline: Bool = false, isGeneric: Bool = false
    ) {
        self.id = id
        self.title = title
        self.keywords = keywords
        self.lead = lead.map { BytePattern(literal: $0, ignoresCase: true) }
        self.value = BytePattern(literal: value, ignoresCase: ignoresCase)
        self.ending = ending
        self.entropy = entropy
        self.isMultiline = isMultiline
        self.isGeneric = isGeneric
    }
}

extension SecretRule {
    /// The rules in order: where two find the same bytes, the first counts. The forms of tokens are those that their issuers document.
    static let all: [SecretRule] = [
        SecretRule(
            "private-key", "Private key", keywords: ["private key"],
            value: #"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY( BLOCK)?-----[A-Za-z0-9+/=:,;"'\s\\\-]{60,400}"#,
            ending: .anything, isMultiline: true),
        SecretRule(
            "aws-access-key", "AWS access key id", keywords: ["akia", "asia", "abia", "acca"], value: "(AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",
            entropy: 2.5),
        SecretRule(
            "aws-secret-key", "AWS secret access key", keywords: ["aws"],
            lead: #"aws[\w\-]{0,20}(secret|sk)[\w\-]{0,20}["']?\s{0,4}[:=]\s{0,4}["']?"#, value: "[A-Za-z0-9/+]{40}",
            ending: .oneOf(ByteSet(" \t\r\n\"',;".utf8)), entropy: 3.5),
        SecretRule(
            "github-token", "GitHub token", keywords: ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], value: "gh[pousr]_[A-Za-z0-9]{36}",
            entropy: 3),
        SecretRule(
            "github-fine-grained-token", "GitHub fine-grained token", keywords: ["github_pat_"], value: #"github_pat_\w{82}"#, entropy: 3),
        SecretRule("gitlab-token", "GitLab token", keywords: ["glpat-"], value: #"glpat-[\w\-]{20,64}"#, entropy: 3),
        SecretRule("npm-token", "npm access token", keywords: ["npm_"], value: "npm_[A-Za-z0-9]{36}", entropy: 3),
        SecretRule("pypi-token", "PyPI upload token", keywords: ["pypi-age"], value: #"pypi-AgE[\w\-]{50,}"#, entropy: 3),
        SecretRule("crates-io-token", "crates.io token", keywords: ["cio"], value: "cio[A-Za-z0-9]{32}", entropy: 3.5),
        SecretRule("docker-hub-token", "Docker Hub token", keywords: ["dckr_pat_"], value: #"dckr_pat_[\w\-]{27}"#, entropy: 3),
        SecretRule("slack-token", "Slack token", keywords: ["xox"], value: #"xox[abeoprs]-[A-Za-z0-9\-]{10,250}"#, entropy: 2.5),
        SecretRule("slack-app-token", "Slack app token", keywords: ["xapp-"], value: #"xapp-\d-[A-Z0-9]{8,16}-\d{8,16}-[a-z0-9]{32,80}"#),
        SecretRule(
            "slack-webhook", "Slack webhook address", keywords: ["hooks.slack.com"],
            value: #"https://hooks\.slack\.com/(services|workflows|triggers)/[A-Za-z0-9+/]{20,80}"#, entropy: 3.5),
        SecretRule("stripe-key", "Stripe secret key", keywords: ["k_live_"], value: "(sk|rk)_live_[A-Za-z0-9]{16,247}", entropy: 3),
        SecretRule("google-api-key", "Google API key", keywords: ["aiza"], value: #"AIza[\w\-]{35}"#, entropy: 3),
        SecretRule("google-oauth-secret", "Google OAuth client secret", keywords: ["gocspx-"], value: #"GOCSPX-[\w\-]{28}"#, entropy: 3),
        SecretRule("sendgrid-key", "SendGrid API key", keywords: ["sg."], value: #"SG\.[\w\-]{22}\.[\w\-]{43}"#, entropy: 3.5),
        SecretRule("digitalocean-token", "DigitalOcean token", keywords: ["do_v1_", "or_v1_", "op_v1_"], value: "do[opr]_v1_[a-f0-9]{64}"),
        SecretRule(
            "shopify-token", "Shopify token", keywords: ["shpat_", "shpca_", "shppa_", "shpss_"], value: "shp(at|ca|pa|ss)_[a-fA-F0-9]{32}"),
        SecretRule("anthropic-key", "Anthropic API key", keywords: ["sk-ant-"], value: #"sk-ant-[\w\-]{80,120}"#, entropy: 3.5),
        SecretRule(
            "openai-key", "OpenAI API key", keywords: ["sk-"], value: #"sk-(proj-|svcacct-|admin-)?[\w\-]{20,74}T3BlbkFJ[\w\-]{20,74}"#,
            entropy: 3.5),
        SecretRule("huggingface-token", "Hugging Face token", keywords: ["hf_"], value: "hf_[A-Za-z]{34}", entropy: 3.5),
        SecretRule("vault-token", "Vault token", keywords: ["hvs."], value: #"hvs\.[\w\-]{90,120}"#, entropy: 3.5),
        SecretRule("age-key", "age secret key", keywords: ["age-secret-key-1"], value: "AGE-SECRET-KEY-1[A-Z0-9]{58}"),
        SecretRule(
            "azure-storage-key", "Azure storage account key", keywords: ["accountkey"], lead: #"accountkey\s{0,4}=\s{0,4}"#,
            value: "[A-Za-z0-9+/]{86}==", ending: .anything, entropy: 4),
        SecretRule(
            "telegram-bot-token", "Telegram bot token", keywords: [":aa"], value: #"\d{8,10}:AA[\w\-]{33}"#, entropy: 3.5),
        SecretRule(
            "webhook-secret", "Webhook signing secret", keywords: ["whsec_"], value: "whsec_[A-Za-z0-9+/=]{24,96}", ending: .anything,
            entropy: 3.5),
        SecretRule(
            "json-web-token", "JSON Web Token", keywords: ["eyj"], value: #"eyJ[\w\-]{10,}\.eyJ[\w\-]{10,}\.[\w\-]{10,}"#, entropy: 3.5),
        SecretRule(
            "url-password", "Password in an address", keywords: ["://"], lead: #"[a-z][a-z0-9+.\-]{1,20}://[^\s:@/"'<>`$\{\}]{0,64}:"#,
            value: #"[^\s:@/"'<>`$\{\}]{3,128}"#, ending: .oneOf(ByteSet("@".utf8)), entropy: 1.5, isGeneric: true),
        SecretRule(
            "generic-secret", "Password, token or key in quotes",
            keywords: ["passw", "pwd", "secret", "token", "apikey", "api_key", "api-key", "access_key", "auth_key", "private_key"],
            lead:
                #"(passw(or)?d|pwd|secret|token|api[_\-]?key|access_key|auth_key|private_key)[\w\-]{0,24}["']?\s{0,4}(:=|=>|:|=)\s{0,4}[bru]?["']"#,
            value: #"[^"'\s$<>\{\}()`]{8,128}"#, ending: .oneOf(ByteSet("\"'".utf8)), entropy: 3, isGeneric: true),
        SecretRule(
            "environment-secret", "Password, token or key in an environment file",
            keywords: ["password", "passwd", "secret", "token", "api_key", "apikey", "access_key", "private_key"],
            lead: #"(password|passwd|secret|token|api_?key|access_key|private_key)[A-Z0-9_]{0,24}="#,
            value: #"[A-Za-z0-9+/=_.~!@%^&*\-]{12,128}"#, ending: .oneOf(ByteSet("\r\n".utf8)), entropy: 3.5, isGeneric: true),
    ]
}

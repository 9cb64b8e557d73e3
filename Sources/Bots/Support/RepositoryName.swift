/// The last part of a repository's URL without `.git`.
func repositoryName(_ url: String) -> String {
    let last = url.split(whereSeparator: { $0 == "/" || $0 == ":" }).last.map(String.init) ?? url
    return last.hasSuffix(".git") ? String(last.dropLast(4)) : last
}

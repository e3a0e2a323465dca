/// How far two names are apart (Levenshtein: single insertions, deletions and substitutions).
enum EditDistance {
  static func between(_ left: String, _ right: String) -> Int {
    let right = Array(right.utf8)
    var row = Array(0...right.count)
    for (line, byte) in left.utf8.enumerated() {
      var diagonal = row[0]
      row[0] = line + 1
      for column in right.indices {
        let substitution = diagonal + (byte == right[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(substitution, diagonal + 1, row[column] + 1)
      }
    }
    return row[right.count]
  }

  /// The name that another one, which is none of them, resembles most, or is the beginning of; nil where none does.
  static func nearest(to name: String, in names: [String]) -> String? {
    let longer = names.filter { name.utf8.count > 2 && $0.hasPrefix(name) }
    if longer.count == 1 { return longer[0] }
    let nearest = names.min { (between(name, $0), $0) < (between(name, $1), $1) }
    // Of a short name more than a third may not be another.
    return nearest.flatMap { between(name, $0) <= min(4, max(1, name.utf8.count / 3)) ? $0 : nil }
  }
}

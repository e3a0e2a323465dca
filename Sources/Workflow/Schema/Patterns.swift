/// The grammars of texts as regular expressions, of the kind that JSON Schema recommends: no look-around.
extension Reference {
  private static let root = "[A-Za-z0-9_][A-Za-z0-9_-]{0,127}"
  private static let quotedKey =
    #"\["(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u(?:[0-9A-CEFa-cef][0-9A-Fa-f]{3}|[Dd][0-7][0-9A-Fa-f]{2}|[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2})))*"\]"#

  /// A reference whose keys are of these characters.
  private static func body(keys: String) -> String {
    #"\#(root)(?:\.\#(keys)+|\[[0-9]{1,\#(ReferenceParser.mostDigits)}\]|\[\*\]|\#(quotedKey))*"#
  }

  /// A string that is a reference.
  static let pattern = "^@\(body(keys: #"[^.\[\]]"#))$"

  /// A reference in double braces, without these.
  fileprivate static let inBraces = #"[ \t\n\r]*\#(body(keys: #"[^.\[\]{}" \t\n\r]"#))[ \t\n\r]*"#
}

extension Template {
  /// A text whose double braces all have a reference in them or a backslash before them; what a leading `@` means is
  /// not looked at.
  static let pattern: String = {
    // What may be before a run of backslashes: other such runs, each with one brace behind it.
    let single = #"(?:\\*\{(?:\\+\{)*)?"#
    let plain = #"\#(single)\\*[^{\\]"#
    let literal = #"\#(single)\\(?:\\\\)*\{\{"#
    let mention = #"(?:\#(single)(?:\\\\)+)?\{\{\#(Reference.inBraces)\}\}"#
    return #"^(?:\#(plain)|\#(literal)|\#(mention))*\#(single)\\*$"#
  }()
}

extension DateTime {
  /// The form of a date and time; whether the day exists is not looked at.
  static let pattern =
    #"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$"#
}

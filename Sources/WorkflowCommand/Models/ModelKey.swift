import ExactJSON

/// Where the key of a model is: never in the file of models itself.
enum ModelKey: Sendable, Equatable {
  /// An environment variable.
  case environment(String)
  /// A credential of the service manager (`LoadCredential=`, systemd.exec(5)).
  case credential(String)

  /// Where it is, in words: `OPENAI_API_KEY`, or `credential openai_key`.
  var description: String {
    switch self {
    case .environment(let name): name
    case .credential(let name): "credential \(name)"
    }
  }

  /// The members of a model by which the file says where its key is.
  static let members = ["api_key_env", "api_key_credential"]

  /// Reads where the key of a model is; nil where it has none.
  static func read(_ model: inout MemberReader) -> ModelKey? {
    refuseLiterals(&model)
    let variable = model.text("api_key_env", fault(ofVariable:))
    let credential = model.text("api_key_credential", fault(ofCredential:))
    if model["api_key_env"] != nil, model["api_key_credential"] != nil {
      model.refuse("api_key_credential", "api_key_env says already where the key is: keep one of them")
    }
    return variable.map { .environment($0) } ?? credential.map { .credential($0) }
  }

  private static let advice =
    "a key does not belong in this file: name the environment variable that has it in api_key_env, or the credential of "
    + "the service in api_key_credential"

  /// Refuses keys in the file, and repeats none of them.
  private static func refuseLiterals(_ model: inout MemberReader) {
    for name in ["api_key", "key", "token", "password", "bearer"] where model.names.contains(name) {
      let prefix = "os.environ/"
      let variable = model[name]?.stringValue.flatMap {
        $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : nil
      }
      if let variable, fault(ofVariable: variable) == nil {
        model.refuse(name, "write \"api_key_env\": \"\(variable)\"")
      } else {
        model.refuse(name, advice)
      }
    }
  }

  /// Names of variables are in upper case, which keys are not: what may be a key is not taken for a name, and not
  /// repeated.
  private static func fault(ofVariable name: String) -> String? {
    let isPlain = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
      default: false
      }
    }
    guard isPlain, (1...100).contains(name.utf8.count), name.utf8.first.map({ $0 > UInt8(ascii: "9") }) == true else {
      return
        "the name of an environment variable is expected, of capital letters, digits and _; the key itself does not "
        + "belong in this file"
    }
    return nil
  }

  private static func fault(ofCredential name: String) -> String? {
    let isPlain = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
        true
      default: false
      }
    }
    guard isPlain, (1...40).contains(name.utf8.count), !name.hasPrefix("."), !name.hasPrefix("sk-") else {
      return
        "the name of a credential is expected, of up to 40 letters, digits, _, - and .; the key itself does not belong in "
        + "this file"
    }
    return nil
  }
}

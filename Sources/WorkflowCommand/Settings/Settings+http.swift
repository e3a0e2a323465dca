import Curl
import WorkflowOperations
import WorkflowWorker

extension Settings {
  /// What `http_request` may reach.
  static func httpAccess(_ reader: inout SettingsReader) -> HTTPAccess {
    let hosts = list("WF_HTTP_ALLOW", &reader, HTTPHostPattern.init, expected: HTTPHostPattern.forms)
    let blocks = list("WF_HTTP_ALLOW_PRIVATE", &reader, IPAddressBlock.init, expected: blockForms)
    let access = HTTPAccess(hosts: hosts, privateBlocks: blocks)
    for host in hosts {
      guard let address = host.address, !access.allows(address) else { continue }
      reader.refuse(
        "WF_HTTP_ALLOW_PRIVATE",
        "WF_HTTP_ALLOW names \(host), which is not public: name the address in WF_HTTP_ALLOW_PRIVATE as well")
    }
    return access
  }

  private static let blockForms =
    "addresses and blocks separated by commas are expected, such as 10.1.2.3, 10.2.0.0/16 or fd00::/8"

  /// How callbacks are signed and sent.
  struct CallbackSettings: Sendable {
    let secrets: CallbackSecrets
    let access: CallbackAccess
    let timeout: Duration
  }

  /// What callbacks need; nil without a secret.
  static func callbacks(_ reader: inout SettingsReader) -> CallbackSettings? {
    let secrets = callbackSecrets(&reader)
    let hosts = list("WF_CALLBACK_ALLOW", &reader, HTTPHostPattern.init, expected: HTTPHostPattern.forms)
    let blocks = list("WF_CALLBACK_ALLOW_PRIVATE", &reader, IPAddressBlock.init, expected: blockForms)
    let timeout = reader.seconds("WF_CALLBACK_TIMEOUT_S", default: 15, in: 0.1...300)
    return secrets.map { secrets in
      CallbackSettings(
        secrets: secrets, access: CallbackAccess(hosts: hosts, privateBlocks: blocks), timeout: timeout)
    }
  }

  private static func callbackSecrets(_ reader: inout SettingsReader) -> CallbackSecrets? {
    let name = "WF_CALLBACK_SECRET"
    guard let text = reader.text(name, isSecret: true) else { return nil }
    let secrets = CallbackSecrets(text)
    if secrets == nil { reader.refuse(name, "\(name)\(reader.place(of: name)): \(CallbackSecrets.forms)") }
    return secrets
  }

  /// The addresses that read the metrics without a key.
  static func metricsAllow(_ reader: inout SettingsReader) -> [IPAddressBlock] {
    list("WF_METRICS_ALLOW", &reader, IPAddressBlock.init, expected: blockForms)
  }

  /// Whether a client at an address reads the metrics without a key.
  var mayScrape: @Sendable (_ address: String) -> Bool {
    let blocks = metricsAllow
    return { text in
      guard !blocks.isEmpty, let address = IPAddress(text) else { return false }
      return blocks.contains { $0.contains(address) }
    }
  }

  private static func list<Element>(
    _ name: String, _ reader: inout SettingsReader, _ parse: (String) -> Element?, expected: String
  ) -> [Element] {
    guard let text = reader.text(name) else { return [] }
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { $0.filter { $0 != " " } }
    let elements = parts.map(parse)
    if let fault = zip(parts, elements).first(where: { $0.1 == nil })?.0 {
      let shown = SettingsReader.excerpt(SettingsReader.shown(text))
      let which = parts.count > 1 ? "; \"\(SettingsReader.excerpt(SettingsReader.shown(fault)))\" is none" : ""
      reader.refuse(name, "\(name)=\(shown)\(reader.place(of: name)): \(expected)\(which)")
    }
    return elements.compactMap(\.self)
  }
}

import Curl
import WorkflowOperations

extension Settings {
  /// What `http_request` may reach.
  static func httpAccess(_ reader: inout SettingsReader) -> HTTPAccess {
    let hosts = list("WF_HTTP_ALLOW", &reader, HTTPHostPattern.init, expected: HTTPHostPattern.forms)
    let blocks = list(
      "WF_HTTP_ALLOW_PRIVATE", &reader, IPAddressBlock.init,
      expected: "addresses and blocks separated by commas are expected, such as 10.1.2.3, 10.2.0.0/16 or fd00::/8")
    let access = HTTPAccess(hosts: hosts, privateBlocks: blocks)
    for host in hosts {
      guard let address = host.address, !access.allows(address) else { continue }
      reader.refuse(
        "WF_HTTP_ALLOW_PRIVATE",
        "WF_HTTP_ALLOW names \(host), which is not public: name the address in WF_HTTP_ALLOW_PRIVATE as well")
    }
    return access
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

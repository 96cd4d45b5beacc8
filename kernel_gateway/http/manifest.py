"""The manifest by which Excel finds the task pane.

Add-in only manifest, schema version 1.1 with add-in commands.
Source: https://learn.microsoft.com/office/dev/add-ins/develop/xml-manifest-overview
"""

from __future__ import annotations

import re
import uuid
from xml.sax.saxutils import escape

from kernel_gateway.errors import Conflict

VERSION = "1.0.0.0"
"""Version of the manifest; Office reads a cached one again only when it has grown."""
PANE = "/addin/?host=excel"
"""What Excel opens: ``host=excel`` has the page load Office.js."""
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?")


class ManifestNeedsHttps(Conflict):
    """Excel loads add-ins over https only, so a manifest with this address would not work."""

    code = "manifest-needs-https"
    hint = (
        "Start the service with --tls-cert and --tls-key, or behind a TLS proxy that sends "
        "X-Forwarded-Proto. See 'tallybook addin certs'."
    )

    def __init__(self, address: str) -> None:
        super().__init__(f"Excel opens add-ins over https only, and this address is {address}.")


def make_manifest(address: str) -> str:
    """Return the manifest (XML) of the service at *address*, such as ``https://HOST:8765``.

    Its id is made from the address, so that Excel keeps the panes of two services apart.

    Raises:
        ManifestNeedsHttps: *address* is no https address.
        ValueError: *address* names more than a scheme, a host and a port.
    """
    scheme, _, rest = address.partition("://")
    host = rest.removesuffix("/")
    if not _HOST.fullmatch(host):
        raise ValueError(f"{address!r} is not like https://HOST or https://HOST:PORT.")
    if scheme != "https":
        raise ManifestNeedsHttps(address)
    base = f"https://{host}"
    words = {"base": escape(base, {'"': "&quot;"}), "id": uuid.uuid5(uuid.NAMESPACE_URL, base)}
    return _MANIFEST.format(**words, version=VERSION, pane=escape(PANE))


_MANIFEST = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<OfficeApp xmlns="http://schemas.microsoft.com/office/appforoffice/1.1"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xmlns:bt="http://schemas.microsoft.com/office/officeappbasictypes/1.0"
  xsi:type="TaskPaneApp">
  <Id>{id}</Id>
  <Version>{version}</Version>
  <ProviderName>Tallybook</ProviderName>
  <DefaultLocale>en-US</DefaultLocale>
  <DisplayName DefaultValue="Tallybook"/>
  <Description DefaultValue="Ask for things in your workbooks, with a record of how."/>
  <IconUrl DefaultValue="{base}/addin/icon-32.png"/>
  <HighResolutionIconUrl DefaultValue="{base}/addin/icon-64.png"/>
  <SupportUrl DefaultValue="{base}/api/v1/docs"/>
  <Hosts>
    <Host Name="Workbook"/>
  </Hosts>
  <Requirements>
    <Sets DefaultMinVersion="1.1">
      <Set Name="ExcelApi" MinVersion="1.7"/>
    </Sets>
  </Requirements>
  <DefaultSettings>
    <SourceLocation DefaultValue="{base}{pane}"/>
  </DefaultSettings>
  <Permissions>ReadWriteDocument</Permissions>
  <VersionOverrides xmlns="http://schemas.microsoft.com/office/taskpaneappversionoverrides"
    xsi:type="VersionOverridesV1_0">
    <Hosts>
      <Host xsi:type="Workbook">
        <DesktopFormFactor>
          <GetStarted>
            <Title resid="Started.Title"/>
            <Description resid="Started.Words"/>
            <LearnMoreUrl resid="Docs.Url"/>
          </GetStarted>
          <FunctionFile resid="Pane.Url"/>
          <ExtensionPoint xsi:type="PrimaryCommandSurface">
            <OfficeTab id="TabHome">
              <Group id="Tallybook.Group">
                <Label resid="Group.Label"/>
                <Icon>
                  <bt:Image size="16" resid="Icon.16"/>
                  <bt:Image size="32" resid="Icon.32"/>
                  <bt:Image size="80" resid="Icon.80"/>
                </Icon>
                <Control xsi:type="Button" id="Tallybook.Open">
                  <Label resid="Open.Label"/>
                  <Supertip>
                    <Title resid="Open.Label"/>
                    <Description resid="Open.Words"/>
                  </Supertip>
                  <Icon>
                    <bt:Image size="16" resid="Icon.16"/>
                    <bt:Image size="32" resid="Icon.32"/>
                    <bt:Image size="80" resid="Icon.80"/>
                  </Icon>
                  <Action xsi:type="ShowTaskpane">
                    <TaskpaneId>Tallybook.Pane</TaskpaneId>
                    <SourceLocation resid="Pane.Url"/>
                  </Action>
                </Control>
              </Group>
            </OfficeTab>
          </ExtensionPoint>
        </DesktopFormFactor>
      </Host>
    </Hosts>
    <Resources>
      <bt:Images>
        <bt:Image id="Icon.16" DefaultValue="{base}/addin/icon-16.png"/>
        <bt:Image id="Icon.32" DefaultValue="{base}/addin/icon-32.png"/>
        <bt:Image id="Icon.80" DefaultValue="{base}/addin/icon-80.png"/>
      </bt:Images>
      <bt:Urls>
        <bt:Url id="Docs.Url" DefaultValue="{base}/api/v1/docs"/>
        <bt:Url id="Pane.Url" DefaultValue="{base}{pane}"/>
      </bt:Urls>
      <bt:ShortStrings>
        <bt:String id="Started.Title" DefaultValue="Tallybook is ready"/>
        <bt:String id="Group.Label" DefaultValue="Tallybook"/>
        <bt:String id="Open.Label" DefaultValue="Tallybook"/>
      </bt:ShortStrings>
      <bt:LongStrings>
        <bt:String id="Started.Words" DefaultValue="Open it from the Home tab and ask."/>
        <bt:String id="Open.Words" DefaultValue="Open the pane: ask for things in your workbooks."/>
      </bt:LongStrings>
    </Resources>
  </VersionOverrides>
</OfficeApp>
"""

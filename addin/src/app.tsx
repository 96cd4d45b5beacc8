import { FluentProvider } from "@fluentui/react-components";
import { useEffect } from "react";
import type { Host } from "./office/host";
import { Gate } from "./page/gate";
import { useLook } from "./parts/theme";

export function App({ host }: { host: Host }) {
  const { look, theme, scheme, choose } = useLook();
  useEffect(() => {
    document.documentElement.style.colorScheme = scheme;
    document.documentElement.style.background = theme.colorNeutralBackground1;
  }, [scheme, theme]);
  return (
    <FluentProvider theme={theme} className="provider">
      <Gate look={look} choose={choose} host={host} />
    </FluentProvider>
  );
}

// What static/js uses of htmx 4, and the events that our modules and the server send.

interface HtmxContext {
  sourceElement: Element;
  target: Element;
  response?: { status: number; headers: Headers };
}

interface DocumentEventMap {
  "htmx:before:request": CustomEvent<{ ctx: HtmxContext }>;
  "htmx:after:request": CustomEvent<{ ctx: HtmxContext }>;
  "htmx:before:swap": CustomEvent<{ ctx: HtmxContext }>;
  "htmx:after:swap": CustomEvent<{ ctx: HtmxContext }>;
  "htmx:after:settle": CustomEvent<{ ctx: HtmxContext }>;
  "htmx:before:history:restore": CustomEvent;
  "htmx:response:error": CustomEvent<{ ctx: HtmxContext }>;
  "htmx:error": CustomEvent<{ ctx?: HtmxContext; error: unknown }>;
  /** The server says something short: HX-Trigger. */
  toast: CustomEvent<{ message?: string; value?: string; kind?: string } | null>;
  /** Pictures came back from the trash. */
  restored: CustomEvent<{ pictures: number[] }>;
}

interface Window {
  htmx?: {
    process(element: Element): void;
    ajax(method: string, url: string, context: object): Promise<void>;
  };
}

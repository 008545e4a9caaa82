"""Pictures and a page on which a person sees whether cases were converted right."""

-- +goose Up

-- 4,000 products, the same on every machine: 8 categories x 10 things x 10 colours x 5 ranges.
-- Numbers count through the categories first, and 181 (coprime to 500) shuffles the rest, so that
-- any page shows a mixture.

INSERT INTO categories (name)
VALUES ('Bath'), ('Bedroom'), ('Dining'), ('Garden'), ('Kitchen'), ('Lighting'), ('Office'), ('Storage');

-- +goose StatementBegin
WITH assortments (shelf, category, purpose, things, prices) AS (
    VALUES
    (0, 'Kitchen', 'for everyday cooking',
     '{Frying Pan,Saucepan,Cutting Board,Mixing Bowl,Kettle,Spice Rack,Colander,Rolling Pin,Mortar,Bread Bin}'::text[],
     '{5490,6290,3490,2290,5990,2990,2490,1890,2790,4590}'::integer[]),
    (1, 'Lighting', 'for warm, even light',
     '{Desk Lamp,Floor Lamp,Pendant,Wall Light,Table Lamp,Reading Light,Ceiling Light,Night Light,Lantern,Spotlight}',
     '{7990,15990,11990,6990,8990,5490,12990,2490,3990,4990}'),
    (2, 'Office', 'for quiet, tidy work',
     '{Monitor Stand,Desk Pad,Pen Tray,Bookend,Document File,Laptop Sleeve,Notebook,Wall Organiser,Footrest,Desk Clock}',
     '{6990,3490,1990,2790,1690,4490,1290,3990,5290,4790}'),
    (3, 'Garden', 'for all weathers',
     '{Planter,Watering Can,Bench,Bird Feeder,Trellis,Fire Bowl,Hand Trowel,Plant Stand,Hammock,Side Table}',
     '{3990,3290,18990,2690,4490,12990,1790,4990,8990,7490}'),
    (4, 'Dining', 'for long evenings',
     '{Dinner Plate,Serving Board,Tablecloth,Carafe,Salad Bowl,Candle Holder,Cake Stand,Placemat,Napkin Ring,Serving Dish}',
     '{1990,3990,5490,3290,4290,2490,4790,1290,890,3790}'),
    (5, 'Storage', 'for small rooms',
     '{Basket,Shelf,Box,Coat Rack,Drawer Insert,Hamper,Crate,Wall Hook,Trunk,Shoe Rack}',
     '{2990,8990,1990,5990,1790,4990,2490,990,11990,6490}'),
    (6, 'Bath', 'for slow mornings',
     '{Bath Towel,Bath Mat,Soap Dish,Tumbler,Stool,Towel Rail,Robe,Tray,Mirror,Toothbrush Holder}',
     '{2790,3490,1490,1290,7990,5490,8490,2990,9990,1690}'),
    (7, 'Bedroom', 'for deep sleep',
     '{Duvet Cover,Throw,Pillowcase,Bedside Table,Bed Sheet,Cushion,Blanket,Valet Stand,Ottoman,Headboard}',
     '{11990,7990,2990,14990,6990,3990,9990,12990,17990,24990}')
),
numbered AS (
    SELECT n, (n - 1) % 8 AS shelf, (n - 1) / 8 * 181 % 500 AS mix
    FROM generate_series(1, 4000) AS n
),
described AS (
    SELECT
        n.n,
        a.category,
        a.purpose,
        ('{Ivory,Charcoal,Sage,Terracotta,Midnight,Sand,Ochre,Forest,Slate,Rust}'::text[])[n.mix / 10 % 10 + 1] AS colour,
        a.things[n.mix % 10 + 1] AS thing,
        a.prices[n.mix % 10 + 1] AS price,
        ('{Classic,Compact,Everyday,Signature,Studio}'::text[])[n.mix / 100 + 1] AS range,
        ('{100,80,70,150,190}'::integer[])[n.mix / 100 + 1] AS percent
    FROM numbered AS n
    JOIN assortments AS a USING (shelf)
)
INSERT INTO products (id, name, description, category, price_minor_units, currency, sales_rank)
SELECT
    'p' || lpad(n::text, 5, '0'),
    concat_ws(' ', range, colour, thing),
    format(
        '%s in %s from our %s range, made %s. %s',
        initcap(thing), lower(colour), lower(range), purpose,
        (ARRAY[
            'Wipe clean with a dry cloth.',
            'Each piece differs a little from the next.',
            'Packed without plastic.',
            'Repairable: every part can be ordered.',
            'Guaranteed for five years.',
            'Made in small batches.',
            'Finished by hand.'
        ])[n % 7 + 1]
    ),
    category,
    -- 90 to 110 % of the range's price, ending in 90 cents.
    greatest(price * percent / 100 * (90 + n * 37 % 21) / 10000 * 100, 100) - 10,
    'EUR',
    n * 1733 % 4000 + 1
FROM described;
-- +goose StatementEnd

INSERT INTO related_products (product_id, related_id, weight)
SELECT
    'p' || lpad(n::text, 5, '0'),
    'p' || lpad(((n - 1 + step) % 4000 + 1)::text, 5, '0'),
    9 - place
FROM generate_series(1, 4000) AS n
CROSS JOIN unnest('{8,3,24,11,400,805,1207,2002}'::integer[]) WITH ORDINALITY AS steps (step, place);

-- A long load run must not empty the shelves, yet the first page shows every state: one product in
-- a hundred is sold out, one has its last five units.
INSERT INTO stock_levels (product_id, units)
SELECT
    'p' || lpad(n::text, 5, '0'),
    CASE n % 100 WHEN 8 THEN 0 WHEN 21 THEN 5 ELSE 1000000 END
FROM generate_series(1, 4000) AS n;

ANALYZE categories, products, related_products, stock_levels;

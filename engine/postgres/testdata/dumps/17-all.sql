--
-- PostgreSQL database cluster dump
--

\restrict qzz4GcTcDAMrDeFV4Wx34xmzgeZj6lzOYLqdorrzUzdn5LjqLCkuNq91UkgaTdt

SET default_transaction_read_only = off;

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;

--
-- Roles
--

CREATE ROLE clerk;
ALTER ROLE clerk WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER INHERIT CREATEROLE CREATEDB LOGIN REPLICATION BYPASSRLS;

--
-- User Configurations
--








\unrestrict qzz4GcTcDAMrDeFV4Wx34xmzgeZj6lzOYLqdorrzUzdn5LjqLCkuNq91UkgaTdt

--
-- Databases
--

--
-- Database "template1" dump
--

\connect template1

--
-- PostgreSQL database dump
--

\restrict 1gi88nyBE78u5smPXD0KlX67U8nNrn6frdgxjbCijAdR9j8fdSNaKlHCzuAkuhM

-- Dumped from database version 17.11 (Debian 17.11-0+deb13u1)
-- Dumped by pg_dump version 17.11 (Debian 17.11-0+deb13u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- PostgreSQL database dump complete
--

\unrestrict 1gi88nyBE78u5smPXD0KlX67U8nNrn6frdgxjbCijAdR9j8fdSNaKlHCzuAkuhM

--
-- Database "postgres" dump
--

\connect postgres

--
-- PostgreSQL database dump
--

\restrict aAUEEdMQb8hpxV8KpJA4UviasOYYv170Aev2fx97gehVoO6916hQ511UOKA2ZGL

-- Dumped from database version 17.11 (Debian 17.11-0+deb13u1)
-- Dumped by pg_dump version 17.11 (Debian 17.11-0+deb13u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- PostgreSQL database dump complete
--

\unrestrict aAUEEdMQb8hpxV8KpJA4UviasOYYv170Aev2fx97gehVoO6916hQ511UOKA2ZGL

--
-- Database "shop" dump
--

--
-- PostgreSQL database dump
--

\restrict QW9o9b6Vz9IUDjp7DGCZdNRmBtQqE4DUPPSv7A9CkqZpcDdbgx5pcgQdOJkaKUz

-- Dumped from database version 17.11 (Debian 17.11-0+deb13u1)
-- Dumped by pg_dump version 17.11 (Debian 17.11-0+deb13u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: shop; Type: DATABASE; Schema: -; Owner: postgres
--

CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C';


ALTER DATABASE shop OWNER TO postgres;

\unrestrict QW9o9b6Vz9IUDjp7DGCZdNRmBtQqE4DUPPSv7A9CkqZpcDdbgx5pcgQdOJkaKUz
\connect shop
\restrict QW9o9b6Vz9IUDjp7DGCZdNRmBtQqE4DUPPSv7A9CkqZpcDdbgx5pcgQdOJkaKUz

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: f(integer); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.f(integer) RETURNS integer
    LANGUAGE sql
    AS $_$select $1; $_$;


ALTER FUNCTION public.f(integer) OWNER TO postgres;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: item; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.item (
    id integer NOT NULL,
    name text
);


ALTER TABLE public.item OWNER TO postgres;

--
-- Name: cheap; Type: VIEW; Schema: public; Owner: postgres
--

CREATE VIEW public.cheap AS
 SELECT name
   FROM public.item;


ALTER VIEW public.cheap OWNER TO postgres;

--
-- Name: sale; Type: TABLE; Schema: public; Owner: clerk
--

CREATE TABLE public.sale (
    id integer,
    at date,
    note text
);


ALTER TABLE public.sale OWNER TO clerk;

--
-- Name: vacant; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.vacant (
    a integer
);


ALTER TABLE public.vacant OWNER TO postgres;

--
-- Data for Name: item; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.item (id, name) FROM stdin;
1	c4ca4238a0b923820dcc509a6f75849b
2	c81e728d9d4c2f636f067f89cc14862c
3	eccbc87e4b5ce2fe28308fd9f2a7baf3
4	a87ff679a2f3e71d9181a67b7542122c
5	e4da3b7fbbce2345d7772b0674a318d5
6	1679091c5a880faf6fb5e6087eb1b2dc
7	8f14e45fceea167a5a36dedd4bea2543
8	c9f0f895fb98ab9159f51fd0297e236d
9	45c48cce2e2d7fbdea1afc51c7c6ad26
10	d3d9446802a44259755d38e6d163e820
11	6512bd43d9caa6e02c990b0a82652dca
12	c20ad4d76fe97759aa27a0c99bff6710
13	c51ce410c124a10e0db5e4b97fc2af39
14	aab3238922bcc25a6f606eb525ffdc56
15	9bf31c7ff062936a96d3c8bd1f8f2ff3
16	c74d97b01eae257e44aa9d5bade97baf
17	70efdf2ec9b086079795c442636b55fb
18	6f4922f45568161a8cdf4ad2299f6d23
19	1f0e3dad99908345f7439f8ffabdffc4
20	98f13708210194c475687be6106a3b84
21	3c59dc048e8850243be8079a5c74d079
22	b6d767d2f8ed5d21a44b0e5886680cb9
23	37693cfc748049e45d87b8c7d8b9aacd
24	1ff1de774005f8da13f42943881c655f
25	8e296a067a37563370ded05f5a3bf3ec
26	4e732ced3463d06de0ca9a15b6153677
27	02e74f10e0327ad868d138f2b4fdd6f0
28	33e75ff09dd601bbe69f351039152189
29	6ea9ab1baa0efb9e19094440c317e21b
30	34173cb38f07f89ddbebc2ac9128303f
31	c16a5320fa475530d9583c34fd356ef5
32	6364d3f0f495b6ab9dcf8d3b5c6e0b01
33	182be0c5cdcd5072bb1864cdee4d3d6e
34	e369853df766fa44e1ed0ff613f563bd
35	1c383cd30b7c298ab50293adfecb7b18
36	19ca14e7ea6328a42e0eb13d585e4c22
37	a5bfc9e07964f8dddeb95fc584cd965d
38	a5771bce93e200c36f7cd9dfd0e5deaa
39	d67d8ab4f4c10bf22aa353e27879133c
40	d645920e395fedad7bbbed0eca3fe2e0
\.


--
-- Data for Name: sale; Type: TABLE DATA; Schema: public; Owner: clerk
--

COPY public.sale (id, at, note) FROM stdin;
2	2024-01-02	\\N; \\. -- ( 
3	2024-01-03	\\N; \\. -- ( 
4	2024-01-04	\\N; \\. -- ( 
5	2024-01-05	\\N; \\. -- ( 
6	2024-01-06	\\N; \\. -- ( 
7	2024-01-07	\\N; \\. -- ( 
8	2024-01-08	\\N; \\. -- ( 
9	2024-01-09	\\N; \\. -- ( 
10	2024-01-10	\\N; \\. -- ( 
11	2024-01-11	\\N; \\. -- ( 
12	2024-01-12	\\N; \\. -- ( 
13	2024-01-13	\\N; \\. -- ( 
14	2024-01-14	\\N; \\. -- ( 
15	2024-01-15	\\N; \\. -- ( 
16	2024-01-16	\\N; \\. -- ( 
17	2024-01-17	\\N; \\. -- ( 
18	2024-01-18	\\N; \\. -- ( 
19	2024-01-19	\\N; \\. -- ( 
20	2024-01-20	\\N; \\. -- ( 
21	2024-01-21	\\N; \\. -- ( 
22	2024-01-22	\\N; \\. -- ( 
23	2024-01-23	\\N; \\. -- ( 
24	2024-01-24	\\N; \\. -- ( 
25	2024-01-25	\\N; \\. -- ( 
26	2024-01-26	\\N; \\. -- ( 
27	2024-01-27	\\N; \\. -- ( 
28	2024-01-28	\\N; \\. -- ( 
29	2024-01-29	\\N; \\. -- ( 
30	2024-01-30	\\N; \\. -- ( 
31	2024-01-31	\\N; \\. -- ( 
32	2024-02-01	\\N; \\. -- ( 
33	2024-02-02	\\N; \\. -- ( 
34	2024-02-03	\\N; \\. -- ( 
35	2024-02-04	\\N; \\. -- ( 
36	2024-02-05	\\N; \\. -- ( 
37	2024-02-06	\\N; \\. -- ( 
38	2024-02-07	\\N; \\. -- ( 
39	2024-02-08	\\N; \\. -- ( 
40	2024-02-09	\\N; \\. -- ( 
1	2024-02-10	\\N; \\. -- ( 
2	2024-02-11	\\N; \\. -- ( 
3	2024-02-12	\\N; \\. -- ( 
4	2024-02-13	\\N; \\. -- ( 
5	2024-02-14	\\N; \\. -- ( 
6	2024-02-15	\\N; \\. -- ( 
7	2024-02-16	\\N; \\. -- ( 
8	2024-02-17	\\N; \\. -- ( 
9	2024-02-18	\\N; \\. -- ( 
10	2024-02-19	\\N; \\. -- ( 
11	2024-02-20	\\N; \\. -- ( 
12	2024-02-21	\\N; \\. -- ( 
13	2024-02-22	\\N; \\. -- ( 
14	2024-02-23	\\N; \\. -- ( 
15	2024-02-24	\\N; \\. -- ( 
16	2024-02-25	\\N; \\. -- ( 
17	2024-02-26	\\N; \\. -- ( 
18	2024-02-27	\\N; \\. -- ( 
19	2024-02-28	\\N; \\. -- ( 
20	2024-02-29	\\N; \\. -- ( 
21	2024-03-01	\\N; \\. -- ( 
\.


--
-- Data for Name: vacant; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.vacant (a) FROM stdin;
\.


--
-- Name: 16411; Type: BLOB METADATA; Schema: -; Owner: postgres
--

SELECT pg_catalog.lo_create('16411');

ALTER LARGE OBJECT 16411 OWNER TO postgres;

--
-- Data for Name: 16411; Type: BLOBS; Schema: -; Owner: postgres
--

BEGIN;

SELECT pg_catalog.lo_open('16411', 131072);
SELECT pg_catalog.lowrite(0, '\xabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdef');
SELECT pg_catalog.lo_close(0);

COMMIT;

--
-- Name: item item_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.item
    ADD CONSTRAINT item_pkey PRIMARY KEY (id);


--
-- Name: sale sale_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: clerk
--

ALTER TABLE ONLY public.sale
    ADD CONSTRAINT sale_id_fkey FOREIGN KEY (id) REFERENCES public.item(id);


--
-- Name: TABLE item; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT ON TABLE public.item TO clerk;


--
-- PostgreSQL database dump complete
--

\unrestrict QW9o9b6Vz9IUDjp7DGCZdNRmBtQqE4DUPPSv7A9CkqZpcDdbgx5pcgQdOJkaKUz

--
-- PostgreSQL database cluster dump complete
--

